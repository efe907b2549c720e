import type { Frame } from "../protocol/frame.ts";
import { EMPTY_BASE } from "../room/base.ts";
import { asUpdate, isDiff } from "../room/split-frames.ts";
import { FIRST_PARTS } from "../room/split-update.ts";
import { isAwareness, splitAwareness } from "./awareness-frames.ts";
import { isLong, type PartsUse, type SharedParts } from "./shared-parts.ts";

/** The state vector of a client that has nothing. */
export const NOTHING: Uint8Array = Uint8Array.of(0);

/** The connection that a delivery writes to. */
export interface PartsSink {
  readonly room: string;
  /** Whether another part may be written now. */
  readonly takesPart: boolean;
  /** Whether the client takes what it is sent at once. */
  readonly isFast: boolean;
  sendPart(frame: Frame): void;
  /** Everything has been written. */
  onDelivered(): void;
}

/**
 * Sends long messages to one client in parts, the next one when the client has taken those before: so
 * it hears something whole every few seconds, however slow its network is, and what else it is to be
 * told need not wait for all of it.
 *
 * All parts of a long answer to a state vector but the last are sent as updates. With that one, or after
 * what is newer, the client is `synced`: it has everything.
 */
export class PartDelivery {
  readonly #sink: PartsSink;
  readonly #shared: SharedParts;
  readonly #steps: Generator<Frame | Promise<void>, void>;
  readonly #uses: PartsUse[] = [];
  readonly #later: { readonly frames: readonly Frame[]; readonly known: Uint8Array }[] = [];
  #isWaiting = false;
  #isOver = false;

  constructor(sink: PartsSink, shared: SharedParts) {
    this.#sink = sink;
    this.#shared = shared;
    this.#steps = this.#all();
  }

  /** @param known what the client had said that it has when an answer was made for it */
  add(frames: readonly Frame[], known: Uint8Array): void {
    this.#later.push({ frames, known });
  }

  /** Sends what the client takes now. */
  pump(): void {
    while (!this.#isWaiting && !this.#isOver && this.#sink.takesPart) {
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
  }

  /** Gives up what was not sent. */
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
    // What is newer builds on the answer, so it comes after that; then the client is told that it is synced.
    const rest = updates.slice(0, -1);
    const last = isLong(answer) && isDiff(answer) ? yield* this.#cut(answer, known) : null;
    if (last !== null && rest.length > 0) yield asUpdate(last);
    for (const frame of last === null ? updates : rest) {
      if (isLong(frame)) yield yield* this.#cut(frame, known);
      else yield frame;
    }
    if (last !== null) yield rest.length > 0 ? EMPTY_BASE.frame : last;
  }

  /** Sends all parts of a frame but the last one, which it returns. */
  *#cut(frame: Frame, known: Uint8Array): Generator<Frame | Promise<void>, Frame> {
    let parts = yield* this.#partsOf(frame, known, true);
    for (let i = 0; ; i++) {
      // By now the client has shown how fast it is.
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
