import type { Duplex } from "node:stream";
import { KEEPALIVE } from "../protocol/frame.ts";

/** The limits on delayed refusals, in total and per network. */
export const MAX_HELD = 10_000;
export const MAX_HELD_PER_NETWORK = 2_000;
/** Release at most this many per tick; otherwise they would all reconnect together. */
const MAX_RELEASED_PER_TICK = 10;
/** Providers check every 3 seconds, and reconnect after 30 seconds without a message. */
const KEEPALIVE_MS = 25_000;
/** Release a client early if it sends more than this while held. */
const MAX_UNREAD_BYTES = 16 * 1024;
/** How often to check how much each socket has received. */
const CHECK_MS = 3_000;
const TICK_MS = 100;
/** A full turn of the wheel must be longer than `CHECK_MS`. */
const SLOTS = 32;

/** A socket whose refusal is delayed. It is not read meanwhile. */
interface HeldSocket {
  readonly socket: Duplex;
  readonly network: string;
  /** When to refuse it, in the time of `performance.now()`. */
  readonly due: number;
  /** When to send the next keepalive; `Infinity` before the WebSocket handshake. */
  keepaliveAt: number;
  readonly release: () => void;
}

/**
 * Sockets whose refusal is delayed. They share one timer, which advances a timing wheel and visits the
 * sockets of one slot at a time. Above a limit, the oldest socket of the network with the most held
 * sockets is released early.
 */
export class HeldSockets {
  /** By network, oldest first. */
  readonly #byNetwork: Map<string, Set<HeldSocket>> = new Map();
  readonly #held: Set<HeldSocket> = new Set();
  /** The sockets to visit in each slot; those no longer held are skipped. */
  readonly #wheel: HeldSocket[][] = Array.from({ length: SLOTS }, () => []);
  #slot = 0;
  #timer: NodeJS.Timeout | undefined;

  get size(): number {
    return this.#held.size;
  }

  sizeOf(network: string): number {
    return this.#byNetwork.get(network)?.size ?? 0;
  }

  /**
   * Holds a socket.
   *
   * @param isOpen whether it is an open WebSocket, which needs keepalives
   * @param release refuses the client; not called if the socket closes first
   */
  add(socket: Duplex, network: string, delay: number, isOpen: boolean, release: () => void): void {
    const now = performance.now();
    const keepaliveAt = isOpen ? now + KEEPALIVE_MS : Number.POSITIVE_INFINITY;
    const held = { socket, network, due: now + delay, keepaliveAt, release };
    this.#held.add(held);
    const siblings = this.#byNetwork.get(network);
    if (siblings === undefined) this.#byNetwork.set(network, new Set([held]));
    else siblings.add(held);
    socket.once("close", () => this.#remove(held));
    this.#visitIn(Math.min(delay, CHECK_MS), held);
    this.#timer ??= setInterval(() => this.#tick(performance.now()), TICK_MS);
    if (this.sizeOf(network) > MAX_HELD_PER_NETWORK) this.#releaseOldestOf(network);
    else if (this.#held.size > MAX_HELD) this.#releaseOldestOf(this.#heaviest());
  }

  /** @returns the sockets that were held */
  releaseAll(): Duplex[] {
    const all = [...this.#held];
    for (const held of all) this.#release(held);
    return all.map(({ socket }) => socket);
  }

  #visitIn(delay: number, held: HeldSocket): void {
    const slots = Math.min(SLOTS - 1, Math.max(1, Math.ceil(delay / TICK_MS)));
    this.#wheel[(this.#slot + slots) % SLOTS]?.push(held);
  }

  #tick(now: number): void {
    this.#slot = (this.#slot + 1) % SLOTS;
    const visited = this.#wheel[this.#slot] ?? [];
    this.#wheel[this.#slot] = [];
    let released = 0;
    for (const held of visited) {
      if (!this.#held.has(held)) continue;
      const isDue = held.due - now < TICK_MS / 2;
      if (held.socket.readableLength > MAX_UNREAD_BYTES) {
        this.#release(held);
      } else if (isDue && released < MAX_RELEASED_PER_TICK) {
        released++;
        this.#release(held);
      } else {
        if (held.keepaliveAt <= now) this.#keepAlive(held, now);
        this.#visitIn(Math.min(held.due - now, CHECK_MS), held);
      }
    }
  }

  #keepAlive(held: HeldSocket, now: number): void {
    held.keepaliveAt = now + KEEPALIVE_MS;
    held.socket.write(KEEPALIVE);
  }

  #release(held: HeldSocket): void {
    if (this.#remove(held)) held.release();
  }

  #releaseOldestOf(network: string): void {
    for (const oldest of this.#byNetwork.get(network) ?? []) {
      this.#release(oldest);
      return;
    }
  }

  #heaviest(): string {
    let heaviest = "";
    let most = 0;
    for (const [network, { size }] of this.#byNetwork) {
      if (size <= most) continue;
      heaviest = network;
      most = size;
    }
    return heaviest;
  }

  /** @returns whether it was held */
  #remove(held: HeldSocket): boolean {
    if (!this.#held.delete(held)) return false;
    const siblings = this.#byNetwork.get(held.network);
    siblings?.delete(held);
    if (siblings?.size === 0) this.#byNetwork.delete(held.network);
    if (this.#held.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    return true;
  }
}
