import { type Signal, signal } from "@preact/signals";
import type {
  DocumentJson,
  PresenceJson,
  UpdateEvent,
} from "../../../server/src/http/api/schemas.ts";
import { DocumentRenderer } from "./document-renderer.ts";

/** An update as it is listed, without its content. */
export interface SeenUpdate {
  readonly id: number;
  readonly at: string;
  readonly bytes: number;
  readonly clients: readonly number[];
  /** It is the whole document, with which each connection begins. */
  readonly whole: boolean;
}

export type PresentClient = PresenceJson["clients"][number];

const LISTED_UPDATES = 100;
/** Drawing a large document takes long: most of the time is left to everything else. */
const MIN_PAUSE_MS = 100;
const PAUSE_FACTOR = 5;

/** A room as the event stream of the server tells of it. */
export class WatchedRoom {
  /** `undefined` until the document has come. */
  readonly roots: Signal<DocumentJson["roots"] | undefined> = signal(undefined);
  /** Why the document is not shown. */
  readonly problem: Signal<string | undefined> = signal(undefined);
  /** `undefined` until the server says who is there. */
  readonly present: Signal<readonly PresentClient[] | undefined> = signal(undefined);
  /** The newest first. */
  readonly updates: Signal<readonly SeenUpdate[]> = signal([]);
  readonly #renderer: DocumentRenderer = new DocumentRenderer();
  #awaitsWhole = true;
  #lastId = 0;
  #listed: SeenUpdate[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pauseMs = 0;
  #isShowing = false;
  /** Whether what has come is shown, or about to be. */
  #isShown = true;
  #isClosed = false;

  /** A connection begins: the next update is the whole document, also if it was replaced meanwhile. */
  onConnect(): void {
    this.#awaitsWhole = true;
  }

  onUpdate({ at, bytes, clients, update }: UpdateEvent): void {
    const whole = this.#awaitsWhole;
    this.#awaitsWhole = false;
    this.#renderer.take(update, whole);
    this.#lastId += 1;
    const seen = { id: this.#lastId, at, bytes, clients, whole };
    this.#listed = [seen, ...this.#listed].slice(0, LISTED_UPDATES);
    this.#isShown = false;
    this.#showLater();
  }

  onPresence({ clients }: PresenceJson): void {
    this.present.value = clients;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#renderer.close();
  }

  #showLater(): void {
    if (this.#isShowing || this.#isClosed) return;
    this.#timer ??= setTimeout(() => void this.#show(), this.#pauseMs);
  }

  async #show(): Promise<void> {
    const start = performance.now();
    this.#timer = undefined;
    this.#isShowing = true;
    this.#isShown = true;
    this.updates.value = this.#listed;
    const answer = await this.#renderer.show();
    this.#isShowing = false;
    if (this.#isClosed) return;
    this.problem.value = answer.type === "failed" ? answer.reason : undefined;
    if (answer.type === "shown") this.roots.value = answer.roots;
    this.#pauseMs = Math.max(MIN_PAUSE_MS, PAUSE_FACTOR * (performance.now() - start));
    // More may have come meanwhile.
    if (!this.#isShown) this.#showLater();
  }
}
