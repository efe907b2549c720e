import { type Signal, signal } from "@preact/signals";
import type {
  DocumentJson,
  PresenceJson,
  UpdateEvent,
} from "../../../server/src/http/api/schemas.ts";
import { DocumentRenderer } from "./document-renderer.ts";

/** An update in the list, without its content. */
export interface SeenUpdate {
  readonly id: number;
  readonly at: string;
  readonly bytes: number;
  readonly clients: readonly number[];
  /** Whether this is the whole document, which each connection starts with. */
  readonly whole: boolean;
}

export type PresentClient = PresenceJson["clients"][number];

const LISTED_UPDATES = 100;
/** Rendering a large document is slow, so pauses leave most of the time for everything else. */
const MIN_PAUSE_MS = 100;
const PAUSE_FACTOR = 5;

/** The state of a room, updated from the server's event stream. */
export class WatchedRoom {
  /** `undefined` until the document has arrived. */
  readonly roots: Signal<DocumentJson["roots"] | undefined> = signal(undefined);
  /** Why the document is not shown. */
  readonly problem: Signal<string | undefined> = signal(undefined);
  /** `undefined` until the first presence event. */
  readonly present: Signal<readonly PresentClient[] | undefined> = signal(undefined);
  /** Newest first. */
  readonly updates: Signal<readonly SeenUpdate[]> = signal([]);
  readonly #renderer: DocumentRenderer = new DocumentRenderer();
  #awaitsWhole = true;
  #lastId = 0;
  #listed: SeenUpdate[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pauseMs = 0;
  #isShowing = false;
  /** Whether everything received so far has been rendered or is being rendered. */
  #isShown = true;
  #isClosed = false;

  /** A connection has opened: the next update is the whole document and replaces the previous one. */
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
    // More updates may have arrived meanwhile.
    if (!this.#isShown) this.#showLater();
  }
}
