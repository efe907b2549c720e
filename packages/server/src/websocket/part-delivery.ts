import type { Frame } from "../protocol/frame.ts";
import { EMPTY_BASE } from "../room/log/base.ts";
import { asUpdate, isDiff } from "../room/updates/split-frames.ts";
import { FIRST_PARTS } from "../room/updates/split-update.ts";
import { isAwareness, splitAwareness } from "./awareness-frames.ts";
import type { FairTurns } from "./fair-turns.ts";
import { isLong, type PartsUse, type SharedParts } from "./shared-parts.ts";

/** The state vector of a client that has nothing. */
export const NOTHING: Uint8Array = Uint8Array.of(0);

/** The connection that a delivery writes to. */
export interface PartsSink {
  readonly room: string;
  readonly address: string;
  /** Whether it can take another part now. */
  readonly takesPart: boolean;
  /** Whether the client has acknowledged recent data quickly. */
  readonly isFast: boolean;
  sendPart(frame: Frame): void;
  /** Everything has been written. */
  onDelivered(): void;
}

/**
 * Sends long messages to one client in parts, each when the client has taken the previous ones. So the
 * client receives a complete message every few seconds, however slow its network is, and other messages
 * need not wait for the whole document.
 *
 * An answer to a state vector marks the client as `synced`, so only its last part may be sent as one;
 * the others are sent as updates. If newer updates are waiting, the last part is an update too, and an
 * empty answer follows the newer updates.
 */
export class PartDelivery {
  readonly #sink: PartsSink;
  readonly #shared: SharedParts;
  readonly #turns: FairTurns;
  readonly #steps: Generator<Frame | Promise<void>, void>;
  readonly #uses: PartsUse[] = [];
  readonly #later: { readonly frames: readonly Frame[]; readonly known: Uint8Array }[] = [];
  /** Set while a turn or a split is awaited. */
  #isWaiting = false;
  #isOver = false;

  /** @param turns in which parts are sent, as all clients of a room are often ready for one at once */
  constructor(sink: PartsSink, shared: SharedParts, turns: FairTurns) {
    this.#sink = sink;
    this.#shared = shared;
    this.#turns = turns;
    this.#steps = this.#all();
  }

  /** @param known the state vector that the frames answer */
  add(frames: readonly Frame[], known: Uint8Array): void {
    this.#later.push({ frames, known });
  }

  /** Sends as much as the client can take now. */
  pump(): void {
    if (this.#isWaiting || !this.#canSend) return;
    this.#isWaiting = true;
    this.#turns.run(this.#sink.address, () => {
      this.#isWaiting = false;
      if (this.#canSend) this.#step();
      this.pump();
    });
  }

  get #canSend(): boolean {
    return !this.#isOver && this.#sink.takesPart;
  }

  #step(): void {
    const { value, done } = this.#steps.next();
    if (done === true) {
      this.cancel();
      this.#sink.onDelivered();
    } else if (value instanceof Promise) {
      this.#isWaiting = true;
      void value.then(() => {
        this.#isWaiting = false;
        this.pump();
      });
    } else {
      this.#sink.sendPart(value);
    }
  }

  /** Drops everything that has not been sent. */
  cancel(): void {
    this.#isOver = true;
    this.#later.length = 0;
    for (const use of this.#uses.splice(0)) use.release();
  }

  *#all(): Generator<Frame | Promise<void>, void> {
    for (let next = this.#later.shift(); next !== undefined; next = this.#later.shift()) {
      yield* this.#batch(next.frames, next.known);
      for (const use of this.#uses.splice(0)) use.release();
    }
  }

  *#batch(frames: readonly Frame[], known: Uint8Array): Generator<Frame | Promise<void>, void> {
    for (const frame of frames) if (isAwareness(frame)) yield* splitAwareness(frame);
    const updates = frames.filter((frame) => !isAwareness(frame));
    const answer = updates.at(-1);
    if (answer === undefined) return;
    // Newer updates build on the answer, so they follow it; only then may the client become synced.
    const rest = updates.slice(0, -1);
    const last = isLong(answer) && isDiff(answer) ? yield* this.#cut(answer, known) : null;
    if (last !== null && rest.length > 0) yield asUpdate(last);
    for (const frame of last === null ? updates : rest) {
      if (isLong(frame)) yield yield* this.#cut(frame, known);
      else yield frame;
    }
    if (last !== null) yield rest.length > 0 ? EMPTY_BASE.frame : last;
  }

  /** Yields all parts of a frame but the last, which it returns. */
  *#cut(frame: Frame, known: Uint8Array): Generator<Frame | Promise<void>, Frame> {
    let parts = yield* this.#partsOf(frame, known, true);
    for (let i = 0; ; i++) {
      // By now it is known how fast the client is.
      if (i === FIRST_PARTS && i < parts.length && !this.#sink.isFast) {
        parts = yield* this.#partsOf(frame, known, false);
      }
      const part = parts[i] ?? frame;
      if (i >= parts.length - 1) return part;
      yield part;
    }
  }

  *#partsOf(
    frame: Frame,
    known: Uint8Array,
    forFast: boolean,
  ): Generator<Promise<void>, readonly Frame[]> {
    const use = this.#shared.use(this.#sink.room, frame, known, forFast);
    this.#uses.push(use);
    let parts: readonly Frame[] = [frame];
    yield use.parts.then((made) => {
      parts = made;
    });
    return parts;
  }
}
