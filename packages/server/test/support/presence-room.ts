import { type ProviderVersion, providerVersions, type Session } from "./providers.ts";
import { SwitchProxy } from "./switch-proxy.ts";
import { waitFor } from "./wait-for.ts";

/**
 * How long a person may stay invisible, in milliseconds. On an idle machine it takes a fraction of a
 * second; without the server's help, a client is invisible until it renews its state, up to 15 seconds.
 */
const UNSEEN_MS = 5_000;

/** A person whose connection goes through its own load balancer. */
export interface Person {
  readonly session: Session;
  readonly proxy: SwitchProxy;
}

/** One room with observers and one person who comes and goes, all with the same provider. */
export class PresenceRoom {
  readonly name: string;
  readonly version: ProviderVersion;
  /** People who are connected, or will be again. */
  readonly people: Person[] = [];
  readonly #gone: Person[] = [];

  constructor(version: ProviderVersion, name: string) {
    this.version = version;
    this.name = `${name}-${providerVersions.indexOf(version)}`;
  }

  /** A person joins through the server at this port. */
  async join(port: number, presence: Record<string, unknown>): Promise<Person> {
    const proxy = await SwitchProxy.start(port);
    const session = this.version.open(proxy.wsUrl, this.name, { presence });
    const person = { session, proxy };
    this.people.push(person);
    await waitFor(() => session.isSynced, { message: () => `${session.version} is synced` });
    return person;
  }

  /** Waits until all others see this state of a person. @returns how long that took, in milliseconds */
  async seen(person: Person, property: string, value: unknown): Promise<number> {
    const began = performance.now();
    const others = this.people.filter((one) => one !== person);
    const seenBy = (one: Person) =>
      (one.session.presence.get(person.session.clientId) as Record<string, unknown> | undefined)?.[
        property
      ];
    await waitFor(() => others.every((one) => seenBy(one) === value), {
      timeout: UNSEEN_MS,
      message: () =>
        `${this.version.name} is seen with ${property} ${value}, not with ${others.map(seenBy)}`,
    });
    return performance.now() - began;
  }

  /** Waits until nobody sees a person who has left any more. */
  async gone(person: Person): Promise<number> {
    const began = performance.now();
    const { clientId } = person.session;
    const others = this.people.filter((one) => one !== person);
    await waitFor(() => others.every(({ session }) => !session.presence.has(clientId)), {
      timeout: UNSEEN_MS,
      message: () => `nobody sees ${this.version.name} any more`,
    });
    this.people.splice(this.people.indexOf(person), 1);
    this.#gone.push(person);
    return performance.now() - began;
  }

  async close(): Promise<void> {
    const all = [...this.people, ...this.#gone];
    for (const { session } of all) session.destroy();
    await Promise.all(all.map(({ proxy }) => proxy.close()));
  }
}

/** Runs the same acts with each provider, in separate rooms; all rooms finish one act before the next. */
export async function withEachProvider(
  name: string,
  ...acts: ((room: PresenceRoom) => Promise<void>)[]
): Promise<void> {
  const rooms = providerVersions.map((version) => new PresenceRoom(version, name));
  try {
    for (const act of acts) await Promise.all(rooms.map(act));
  } finally {
    await Promise.all(rooms.map((room) => room.close()));
  }
}
