import { type Signal, signal } from "@preact/signals";
import * as Y from "yjs";
import { documentToJson } from "../../../server/src/document/json.ts";
import type {
  DocumentJson,
  PresenceJson,
  UpdateEvent,
} from "../../../server/src/http/api/schemas.ts";

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
  /** `undefined` until the server says who is there. */
  readonly present: Signal<readonly PresentClient[] | undefined> = signal(undefined);
  /** The newest first. */
  readonly updates: Signal<readonly SeenUpdate[]> = signal([]);
  #doc: Y.Doc = new Y.Doc();
  #awaitsWhole = true;
  #lastId = 0;
  #listed: SeenUpdate[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pauseMs = 0;

  /** A connection begins: the next update is the whole document, also if it was replaced meanwhile. */
  onConnect(): void {
    this.#awaitsWhole = true;
  }

  onUpdate({ at, bytes, clients, update }: UpdateEvent): void {
    const whole = this.#awaitsWhole;
    if (whole) {
      this.#doc.destroy();
      this.#doc = new Y.Doc();
      this.#awaitsWhole = false;
    }
    Y.applyUpdate(this.#doc, fromBase64(update));
    this.#lastId += 1;
    const seen = { id: this.#lastId, at, bytes, clients, whole };
    this.#listed = [seen, ...this.#listed].slice(0, LISTED_UPDATES);
    this.#timer ??= setTimeout(() => this.#show(), this.#pauseMs);
  }

  onPresence({ clients }: PresenceJson): void {
    this.present.value = clients;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#doc.destroy();
  }

  #show(): void {
    const start = performance.now();
    this.#timer = undefined;
    this.roots.value = documentToJson(this.#doc).roots;
    this.updates.value = this.#listed;
    this.#pauseMs = Math.max(MIN_PAUSE_MS, PAUSE_FACTOR * (performance.now() - start));
  }
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
