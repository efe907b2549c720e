import type { Logger } from "pino";
import { askAll } from "./ask-all.ts";
import type { LiveServers } from "./live-servers.ts";
import { type LiveRoom, LiveView } from "./live-view.ts";

/** A change in the rooms with connected clients. */
export interface LiveRoomsChange {
  /** True if `rooms` has all rooms, false if only the changed ones. */
  readonly complete: boolean;
  /** A room with 0 connections has lost its last one. */
  readonly rooms: ReadonlyMap<string, LiveRoom>;
  /** Over all rooms with connections. */
  readonly totals: { readonly connections: number; readonly rooms: number };
}

export type LiveRoomsListener = (change: LiveRoomsChange) => void;

/** How often the servers are polled while there are listeners. */
const POLL_MS = 1_000;

/**
 * Watches which rooms have connections, on all servers. Polls each server once a second on behalf
 * of all listeners, only for what has changed since the last poll, and not at all without
 * listeners.
 */
export class LiveWatch {
  readonly #servers: LiveServers;
  readonly #logger: Logger;
  readonly #view: LiveView = new LiveView();
  /** The value is false until the listener has received all rooms. */
  readonly #listeners: Map<LiveRoomsListener, boolean> = new Map();
  #refreshing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(servers: LiveServers, logger: Logger) {
    this.#servers = servers;
    this.#logger = logger;
  }

  /** Returns all rooms that have connections now. */
  async all(): Promise<ReadonlyMap<string, LiveRoom>> {
    await this.#refresh();
    return this.#view.all();
  }

  /**
   * Calls back soon with all rooms, then about once a second with those that changed.
   *
   * @returns stops watching; no call follows
   */
  watch(listener: LiveRoomsListener): () => void {
    // The same listener may be passed twice.
    const own: LiveRoomsListener = (change) => listener(change);
    this.#listeners.set(own, false);
    void this.#poll();
    return () => {
      this.#listeners.delete(own);
      if (this.#listeners.size === 0) clearTimeout(this.#timer);
    };
  }

  async #poll(): Promise<void> {
    await this.#refresh();
    this.#tell();
    clearTimeout(this.#timer);
    if (this.#listeners.size === 0) return;
    this.#timer = setTimeout(() => void this.#poll(), POLL_MS);
  }

  /** One at a time, because each poll advances the marks of the servers. Does not reject. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#ask().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #ask(): Promise<void> {
    const servers = await this.#servers.recent();
    const view = this.#view;
    const { failures } = await askAll(servers, async (server) => {
      const changes = await server.liveRooms(view.markOf(server.address));
      view.take(server.address, changes, performance.now());
    });
    if (failures.length > 0)
      this.#logger.debug({ failures }, "some servers did not report their rooms");
    view.keep(new Set(servers.map(({ address }) => address)), performance.now());
    if (this.#listeners.size === 0) view.forgetChanged();
  }

  #tell(): void {
    const { totals } = this.#view;
    const changed: LiveRoomsChange = {
      complete: false,
      rooms: this.#view.takeChanged(),
      totals,
    };
    const isAnybodyNew = [...this.#listeners.values()].includes(false);
    const all = isAnybodyNew ? { complete: true, rooms: this.#view.all(), totals } : changed;
    for (const [listener, knows] of this.#listeners) {
      if (knows && changed.rooms.size === 0) continue;
      this.#listeners.set(listener, true);
      try {
        listener(knows ? changed : all);
      } catch (error) {
        this.#logger.error({ err: error }, "a listener of the live rooms failed");
      }
    }
  }
}
