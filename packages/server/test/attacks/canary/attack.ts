import type { RawSocket, RawSocketOptions } from "./raw-socket.ts";

// How to add an attack: put one file into `attacks/` that exports `attack`. The suite finds it there,
// runs it in a process of its own against a real server with default limits and 512 MB of memory, and
// measures a canary meanwhile: two people who edit in another room. The attack fails its test when an
// edit of theirs is acknowledged late, when the server grows too large, ends or logs an error, when
// their document is damaged, or when nobody can join any more.
//
//   export const attack: Attack = {
//     name: "presence queries of a client that does not read",
//     connections: [1, 100],
//     prepare: async (target) => …,          not measured: fill a room, build the bytes to send
//     run: async (target) => …,              measured: send until `target.over` is true
//   };
//
//   npx vitest run packages/server/test/attacks/canary -t "presence queries"
//
// The default of four seconds is enough for most attacks, and all together must stay below four
// minutes. Attacks with the same settings share a server, so use `target.room(name)` for rooms.

export interface Attack {
  readonly name: string;
  /** Settings of the server beyond the defaults; an attack with its own gets its own server. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The attack is run once with each of these numbers of connections; `[1]` by default. */
  readonly connections?: readonly number[];
  /** How long it is measured; 3 by default, 10 at most. */
  readonly seconds?: number;
  /** What happens before the measurement begins. Bounded by `PREPARE_SECONDS`. */
  readonly prepare?: (target: AttackTarget) => Promise<void>;
  /**
   * Attacks until `target.over`, or until there is nothing left to do; the canary is measured for as
   * long as it takes, and for a second more. What it throws fails the test: being refused or
   * disconnected is no error.
   */
  readonly run: (target: AttackTarget) => Promise<void>;
}

export const DEFAULT_SECONDS = 4;
export const MOST_SECONDS = 10;
export const PREPARE_SECONDS = 20;

/** What an attack is given, in its own process. */
export interface AttackTarget {
  readonly url: string;
  readonly port: number;
  /** How many connections the attack is to use. */
  readonly connections: number;
  /** Whether the measured time is over. False while the attack prepares. */
  readonly over: boolean;
  /** The address that all connections of the attack come from. */
  readonly address: string;
  /** The name of a room that no other attack uses. */
  room(name?: string): string;
  /** A TCP connection on which nothing is sent yet. */
  tcp(options?: RawSocketOptions): Promise<RawSocket>;
  /** A WebSocket that is open; it is closed when the attack ends. @throws Error when it is refused */
  connect(room?: string, options?: RawSocketOptions): Promise<RawSocket>;
  /** As many as `connections`, those that were refused left out. */
  connectAll(room?: string | ((index: number) => string)): Promise<RawSocket[]>;
  /** A request from the address of the attack. @returns the status; 0 when the connection broke */
  request(path: string, init?: RequestParts): Promise<number>;
  /** Resolves after this time, at once when the attack is over. */
  pause(milliseconds: number): Promise<void>;
}

export interface RequestParts {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}
