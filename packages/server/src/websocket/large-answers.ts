import { networkOf } from "../runtime/network-of-address.ts";
import type { MemoryGuard } from "./memory-guard.ts";

/** How many answers of one room are computed at the same time. */
const AT_ONCE = 2;
/** The share of the memory limit available to answers that their clients have not read yet. */
const UNREAD_SHARE = 1 / 12;
/** How long to wait for slow clients before one of them is disconnected. */
const PATIENCE_MS = 2_000;

type Guard = Pick<MemoryGuard, "limit" | "look" | "whenNotFull">;

/** The connection that receives an answer. */
export interface AnswerReceiver {
  readonly address: string;
  readonly room: string;
  readonly isOver: boolean;
  endForMemory(reason: string): void;
}

interface Turn {
  running: number;
  readonly waiting: (() => void)[];
}

interface UnreadAnswer {
  readonly receiver: AnswerReceiver;
  readonly network: string;
  readonly bytes: number;
}

/**
 * Computes answers to state vectors for large documents. Each answer can be as large as the document.
 * The answers of a room are computed a few at a time, and none while memory is short.
 *
 * An answer stays in memory until its client has read it, and a hundred clients may ask at once, so all
 * answers share a limit. Above it, a client waits for a while; then the oldest unread answer of the
 * network that keeps the most is dropped, and its connection closed.
 */
export class LargeAnswers {
  readonly #guard: Guard;
  readonly #turns: Map<string, Turn> = new Map();
  /** Answers that were started and have not been read, oldest first. */
  readonly #unread: Set<UnreadAnswer> = new Set();
  #bytes = 0;
  readonly #waiting: Set<() => void> = new Set();

  constructor(guard: Guard) {
    this.#guard = guard;
  }

  /**
   * @param bytes the memory of the answer that is not shared with other clients
   * @param whenRead resolves when the client has read the answer or is gone; must not reject
   * @throws whatever `answer` throws
   */
  async run(
    receiver: AnswerReceiver,
    bytes: number,
    answer: () => Promise<void>,
    whenRead: () => Promise<void>,
  ): Promise<void> {
    const turn = this.#turns.get(receiver.room) ?? { running: 0, waiting: [] };
    this.#turns.set(receiver.room, turn);
    if (turn.running >= AT_ONCE) await new Promise<void>((resolve) => turn.waiting.push(resolve));
    else turn.running++;
    const most = UNREAD_SHARE * this.#guard.limit;
    const unread = {
      receiver,
      network: networkOf(receiver.address),
      // Capped, so that the largest answers need not wait until there are no others.
      bytes: Math.min(bytes, most / 2),
    };
    try {
      await this.#admit(unread, most);
      this.#guard.look();
      await this.#guard.whenNotFull();
      if (!receiver.isOver) await answer();
    } finally {
      void whenRead().then(() => this.#release(unread));
      const next = turn.waiting.shift();
      if (next !== undefined) next();
      else turn.running--;
      if (turn.running === 0) this.#turns.delete(receiver.room);
    }
  }

  async #admit(unread: UnreadAnswer, most: number): Promise<void> {
    const { receiver, bytes } = unread;
    if (bytes === 0) return;
    let until = performance.now() + PATIENCE_MS;
    while (this.#bytes + bytes > most) {
      if (receiver.isOver) return;
      const left = until - performance.now();
      if (left <= 0) {
        this.#endOne();
        until = performance.now() + PATIENCE_MS;
      }
      await this.#change(Math.max(1, left));
    }
    this.#unread.add(unread);
    this.#bytes += bytes;
  }

  /** Resolves when an answer has been read, or after this time. */
  #change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms).unref();
      this.#waiting.add(done);
    });
  }

  #release(unread: UnreadAnswer): void {
    if (!this.#unread.delete(unread)) return;
    this.#bytes -= unread.bytes;
    // The longest-waiting client is first to check whether its answer now fits.
    for (const retry of [...this.#waiting]) retry();
  }

  #endOne(): void {
    const bytesOf = new Map<string, number>();
    for (const { network, bytes } of this.#unread) {
      bytesOf.set(network, (bytesOf.get(network) ?? 0) + bytes);
    }
    let most = "";
    for (const [network, bytes] of bytesOf) if (bytes > (bytesOf.get(most) ?? 0)) most = network;
    for (const { network, receiver } of this.#unread) {
      if (network !== most) continue;
      receiver.endForMemory("this client did not read its document fast enough");
      return;
    }
  }
}
