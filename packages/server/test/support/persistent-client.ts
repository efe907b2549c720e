import { setTimeout as delay } from "node:timers/promises";
import { EditingClient } from "./editing-client.ts";

/** Several times as fast as people type. */
const PAUSE_MS = 40;
/** Real providers wait for up to 2.5 s. */
const RECONNECT_MS = 100;
/** Real providers close a silent connection after 30 s. */
const SILENCE_MS = 4_000;
const WORDS = ["one ", "two ", "three "];

/**
 * Keeps editing one room until stopped, through whichever server accepts it, and keeps track of what has
 * been acknowledged to it.
 */
export class PersistentClient extends EditingClient {
  readonly room: string;
  readonly #urls: () => readonly string[];
  readonly #running: Promise<unknown>;
  /** How often it has connected. */
  connections = 0;
  #editing = true;
  #closed = false;

  /** @param urls the servers that are available at the moment; it picks one at random */
  constructor(room: string, urls: () => readonly string[]) {
    super();
    this.room = room;
    this.#urls = urls;
    this.#running = Promise.all([this.#stayConnected(), this.#edit()]);
  }

  /** Whether the server has acknowledged all of its changes. */
  get isSaved(): boolean {
    return this.acknowledged === this.clock;
  }

  stopEditing(): void {
    this.#editing = false;
  }

  async close(): Promise<void> {
    this.#editing = false;
    this.#closed = true;
    await this.disconnect();
    await this.#running;
  }

  async #edit(): Promise<void> {
    for (let i = 0; this.#editing; i++) {
      const text = this.doc.getText("text");
      const at = Math.floor(Math.random() * (text.length + 1));
      text.insert(at, WORDS[i % WORDS.length] ?? "");
      // It deletes only what it typed itself, so an echoed deletion is its own.
      if (i % 3 === 0) text.delete(at, 3);
      await delay(PAUSE_MS);
    }
  }

  async #stayConnected(): Promise<void> {
    while (!this.#closed) {
      const urls = this.#urls();
      const url = urls[Math.floor(Math.random() * urls.length)];
      if (url !== undefined) await this.#useOnce(url);
      if (!this.#closed) await delay(RECONNECT_MS);
    }
  }

  async #useOnce(url: string): Promise<void> {
    try {
      await this.connect(url, this.room);
    } catch {
      // The server is unavailable; try another one.
      return;
    }
    this.connections++;
    const watch = setInterval(() => {
      if (performance.now() - this.heardAt > SILENCE_MS) this.terminate();
    }, SILENCE_MS / 4);
    await this.disconnected();
    clearInterval(watch);
  }
}
