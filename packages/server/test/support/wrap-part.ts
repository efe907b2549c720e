// Wrappers between a server and one of its parts, to delay calls or make them fail. Parts keep their state
// in private fields, so their methods must be called on the part itself.

/** A part with some of its methods replaced. */
export function withOverrides<Part extends object>(part: Part, overrides: Partial<Part>): Part {
  return new Proxy(part, {
    get: (target, name) => {
      const owner = Object.hasOwn(overrides, name) ? overrides : target;
      const member: unknown = Reflect.get(owner, name, owner);
      return typeof member === "function" ? member.bind(owner) : member;
    },
  });
}

/** A part whose methods all wait for `before`. */
export function delayed<Part extends object>(part: Part, before: () => Promise<void>): Part {
  return new Proxy(part, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return async (...args: unknown[]) => {
        await before();
        return Reflect.apply(member, target, args);
      };
    },
  });
}

/** The same part, protected from being closed by the server. */
export function lent<Part extends { close(): Promise<void> }>(part: Part): Part {
  return withOverrides(part, { close: async () => {} } as Partial<Part>);
}
