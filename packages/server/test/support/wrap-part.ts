// What stands between a server and one of its parts, to hold calls back or to let them fail. The parts keep
// their state in private fields, so their methods have to be called on the part itself.

/** A part some of whose methods are others. The rest is that of the part. */
export function withOverrides<Part extends object>(part: Part, overrides: Partial<Part>): Part {
  return new Proxy(part, {
    get: (target, name) => {
      const owner = Object.hasOwn(overrides, name) ? overrides : target;
      const member: unknown = Reflect.get(owner, name, owner);
      return typeof member === "function" ? member.bind(owner) : member;
    },
  });
}

/** A part all of whose methods begin when `before` has resolved. */
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

/** The same part, for a server that must not close it. */
export function lent<Part extends { close(): Promise<void> }>(part: Part): Part {
  return withOverrides(part, { close: async () => {} } as Partial<Part>);
}
