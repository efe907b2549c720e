import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import { networkOf } from "../runtime/network-of-address.ts";
import type { ClientSocket } from "./client-socket.ts";
import { CloseCode } from "./close-code.ts";
import { HeldSockets, MAX_HELD_PER_NETWORK } from "./held-sockets.ts";
import { RefusalHistory } from "./refusal-history.ts";

/** A refused client. Another token makes another client, so one that gets a valid token is not held. */
export interface RefusedClient {
  readonly address: string;
  readonly room: string;
  readonly token: string | undefined;
  /** Distinguish clients that send a cookie instead of a token. */
  readonly headers: Readonly<IncomingHttpHeaders>;
}

/** The longest time to hold a refusal while few clients of the same network are held. */
const LONGEST_MS = 60_000;
/** How much each held client adds to the delays of its network, to limit reconnects per second. */
const MS_PER_HELD = 100;
const LONGEST_IN_CROWD_MS = 120_000;
/** The longest delay for a temporary condition while few are held, and its growth per held client. */
const LONGEST_TEMPORARY_MS = 5_000;
const TEMPORARY_MS_PER_HELD = 60;
/** Browsers give up a handshake after 20 seconds. */
const LONGEST_HANDSHAKE_MS = 15_000;
/** A delay is extended by up to this share, so that clients do not come back together. */
const JITTER = 0.4;

/** The client should come back soon: the cause is other clients or the stores. */
const TEMPORARY: ReadonlySet<CloseCode> = new Set([
  CloseCode.tryAgainLater,
  CloseCode.internal,
  CloseCode.roomFull,
]);
/** The client did nothing wrong, and reconnects to another server or a new process. */
const NOT_HELD: ReadonlySet<CloseCode> = new Set([CloseCode.restarting]);

export const TOO_MANY_REQUESTS = "HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\n\r\n";

/**
 * Delays refusals. Most providers reset their backoff once a WebSocket opens, and reconnect 100 ms after
 * it is closed, whatever the code. So from the second refusal in a row on, the refusal is held before it
 * is sent: the client waits, and costs neither reads nor a reconnect.
 */
export class Refusals {
  readonly #history: RefusalHistory = new RefusalHistory();
  readonly #held: HeldSockets = new HeldSockets();
  #ended = false;

  /** How many clients wait for their refusal. */
  get held(): number {
    return this.#held.size;
  }

  /** Whether so many clients of this network are held that this one should not even get a handshake. */
  isCrowded(client: RefusedClient): boolean {
    const network = networkOf(client.address);
    if (this.#held.sizeOf(network) < MAX_HELD_PER_NETWORK) return false;
    return this.#history.has(network, digestOf(client), performance.now());
  }

  /**
   * Closes an open WebSocket, now or later.
   *
   * @returns whether it is held. If so, its listeners are removed, and the caller must not use it again
   */
  close(
    client: RefusedClient,
    webSocket: ClientSocket,
    socket: Duplex,
    code: CloseCode,
    reason: string,
  ): boolean {
    const close = () => {
      // The close handshake completes only if the socket is read.
      webSocket.resume();
      webSocket.close(code, reason);
    };
    const network = networkOf(client.address);
    const longest = webSocket.readyState === webSocket.OPEN ? this.#longestFor(code) : 0;
    const delay = this.#delay(network, digestOf(client), longest);
    if (delay === 0) {
      close();
      return false;
    }
    // A held socket no longer counts as a connection.
    webSocket.admission?.release();
    // Lets the listeners be garbage-collected while the socket waits.
    webSocket.removeAllListeners();
    socket.removeAllListeners("drain");
    webSocket.on("error", () => webSocket.terminate());
    webSocket.pause();
    // After an error, `ws` resumes the socket in the next tick.
    process.nextTick(() => webSocket.pause());
    this.#held.add(socket, network, delay, true, close);
    return true;
  }

  /** Answers an upgrade with 429, now or later. */
  reject(address: string, socket: Duplex): void {
    const network = networkOf(address);
    const delay = this.#delay(network, `attempts of ${network}`, LONGEST_HANDSHAKE_MS);
    const reject = () => {
      socket.end(TOO_MANY_REQUESTS);
    };
    if (delay === 0 || this.#held.sizeOf(network) >= MAX_HELD_PER_NETWORK) reject();
    else this.#held.add(socket, network, delay, false, reject);
  }

  /** Sends all held refusals and holds no more. Sockets still open at `signal` are destroyed. */
  end(signal: AbortSignal): void {
    this.#ended = true;
    const sockets = this.#held.releaseAll();
    signal.addEventListener("abort", () => {
      for (const socket of sockets) socket.destroy();
    });
  }

  #delay(network: string, client: string, longest: number): number {
    if (this.#ended || longest === 0) return 0;
    const refusedFor = this.#history.refuse(network, client, performance.now());
    if (refusedFor === 0) return 0;
    const crowd = Math.min(LONGEST_IN_CROWD_MS, this.#held.sizeOf(network) * MS_PER_HELD);
    const delay = Math.max(crowd, Math.min(LONGEST_MS, refusedFor));
    return Math.min(longest, delay) * (1 + JITTER * Math.random());
  }

  #longestFor(code: CloseCode): number {
    if (NOT_HELD.has(code)) return 0;
    if (!TEMPORARY.has(code)) return LONGEST_IN_CROWD_MS;
    const grown = this.#held.size * TEMPORARY_MS_PER_HELD;
    return Math.min(LONGEST_MS, Math.max(LONGEST_TEMPORARY_MS, grown));
  }
}

/** A digest, so that neither rooms nor tokens are kept in memory. */
function digestOf({ address, room, token = "", headers }: RefusedClient): string {
  const { cookie = "", authorization = "" } = headers;
  const parts = JSON.stringify([networkOf(address), room, token, cookie, authorization]);
  return createHash("sha256").update(parts).digest("base64");
}
