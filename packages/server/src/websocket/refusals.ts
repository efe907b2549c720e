import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import { networkOf } from "../runtime/network-of-address.ts";
import type { ClientSocket } from "./client-socket.ts";
import { CloseCode } from "./close-code.ts";
import { HeldSockets, MAX_HELD_PER_NETWORK } from "./held-sockets.ts";
import { RefusalHistory } from "./refusal-history.ts";

/** Who is refused. Another token is another client, so whoever gets a better one is not held. */
export interface RefusedClient {
  readonly address: string;
  readonly room: string;
  readonly token: string | undefined;
  /** They tell clients apart that show a cookie instead of a token. */
  readonly headers: Readonly<IncomingHttpHeaders>;
}

/** The longest that a refusal is held, if few of the client's network are. */
const LONGEST_MS = 60_000;
/** With each that is held, the delays of its network grow: so few come back in a second. */
const MS_PER_HELD = 100;
const LONGEST_IN_CROWD_MS = 120_000;
/** The longest for what may be over soon, if few wait; and by how much it grows with each. */
const LONGEST_TEMPORARY_MS = 5_000;
const TEMPORARY_MS_PER_HELD = 60;
/** Browsers give up a handshake after 20 seconds. */
const LONGEST_HANDSHAKE_MS = 15_000;
/** By this share a delay may be longer, so that clients do not come back together. */
const JITTER = 0.4;

/** The client should come back soon, since other clients or the stores decide. */
const TEMPORARY: ReadonlySet<CloseCode> = new Set([
  CloseCode.tryAgainLater,
  CloseCode.internal,
  CloseCode.roomFull,
]);
/** The client did nothing wrong, and comes back to another server or a new process. */
const NOT_HELD: ReadonlySet<CloseCode> = new Set([CloseCode.restarting]);

export const TOO_MANY_REQUESTS = "HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\n\r\n";

/**
 * Answers refused clients slowly. Most providers forget their backoff once a WebSocket opens, and
 * come back 100 ms after it was closed, whatever the code. So the second refusal in a row is held back
 * before it is sent: the client waits, and costs neither reads nor a reconnect.
 */
export class Refusals {
  readonly #history: RefusalHistory = new RefusalHistory();
  readonly #held: HeldSockets = new HeldSockets();
  #ended = false;

  /** How many clients wait for their refusal. */
  get held(): number {
    return this.#held.size;
  }

  /** Whether so many of the client's network are held that it should not even get a handshake. */
  isCrowded(client: RefusedClient): boolean {
    const network = networkOf(client.address);
    if (this.#held.sizeOf(network) < MAX_HELD_PER_NETWORK) return false;
    return this.#history.has(network, digestOf(client), performance.now());
  }

  /**
   * Closes an open WebSocket, now or later.
   *
   * @returns whether it is held. Its listeners are gone then, and nobody else may use it
   */
  close(
    client: RefusedClient,
    webSocket: ClientSocket,
    socket: Duplex,
    code: CloseCode,
    reason: string,
  ): boolean {
    const close = () => {
      // A close handshake is only finished when the socket is read.
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
    // What is held counts here and not as a connection.
    webSocket.admission?.release();
    // Whoever listened can be forgotten while the socket waits.
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

  /** Sends all refusals that are held, and holds nothing any more. What is left at `signal` ends. */
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

/** Neither rooms nor tokens are kept in memory. */
function digestOf({ address, room, token = "", headers }: RefusedClient): string {
  const { cookie = "", authorization = "" } = headers;
  const parts = JSON.stringify([networkOf(address), room, token, cookie, authorization]);
  return createHash("sha256").update(parts).digest("base64");
}
