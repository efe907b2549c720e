import type { RawSocket, RawSocketOptions } from "./raw-socket.ts";

// How to add an attack: put a file that exports `attack` into `attacks/`. The suite finds it there, runs
// it in its own process against a real server with default limits and 512 MB of memory, and measures a
// canary at the same time: two people editing another room. The test fails when one of their edits is
// acknowledged late, when the server grows too large, exits or logs an error, when their document is
// damaged, or when new clients can no longer join.
//
//   export const attack: Attack = {
//     name: "presence queries from a client that does not read",
//     connections: [1, 100],
//     prepare: async (target) => …,          not measured: fill a room, build the bytes to send
//     run: async (target) => …,              measured: send until `target.over` is true
//   };
//
//   npx vitest run packages/server/test/attacks/canary -t "presence queries"
//
// The default duration is enough for most attacks; all attacks together must take less than four
// minutes. Attacks with the same settings share a server, so use `target.room(name)` for rooms.

export interface Attack {
  readonly name: string;
  /** Server settings other than the defaults; an attack that has any gets its own server. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The attack runs once with each of these numbers of connections; `[1]` by default. */
  readonly connections?: readonly number[];
  /** How many seconds to measure; `DEFAULT_SECONDS` if omitted, 10 at most. */
  readonly seconds?: number;
  /** Runs before the measurement begins, for at most `PREPARE_SECONDS`. */
  readonly prepare?: (target: AttackTarget) => Promise<void>;
  /**
   * Attacks until `target.over`, or until there is nothing left to do. The canary is measured for as
   * long as it takes, and for a second more. Anything it throws fails the test; being refused or
   * disconnected is not an error.
   */
  readonly run: (target: AttackTarget) => Promise<void>;
}

export const DEFAULT_SECONDS = 3;
export const MOST_SECONDS = 10;
export const PREPARE_SECONDS = 20;

/** Passed to an attack, in its own process. */
export interface AttackTarget {
  readonly url: string;
  readonly port: number;
  /** How many connections the attack should use. */
  readonly connections: number;
  /** Whether the measured time is over. False during preparation. */
  readonly over: boolean;
  /** The source address of all connections of the attack. */
  readonly address: string;
  /** The name of a room that no other attack uses. */
  room(name?: string): string;
  /** Opens a TCP connection, without sending anything. */
  tcp(options?: RawSocketOptions): Promise<RawSocket>;
  /** Opens a WebSocket that is closed when the attack ends. @throws Error if it is refused */
  connect(room?: string, options?: RawSocketOptions): Promise<RawSocket>;
  /** Opens as many as `connections`, and returns those that were not refused. */
  connectAll(room?: string | ((index: number) => string)): Promise<RawSocket[]>;
  /** Sends a request from the address of the attack. @returns the status; 0 if the connection broke */
  request(path: string, init?: RequestParts): Promise<number>;
  /** Resolves after this time, or as soon as the attack is over. */
  pause(milliseconds: number): Promise<void>;
}

export interface RequestParts {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}
