import type { Logger } from "pino";
import { askAll } from "./ask-all.ts";
import type { LiveServers } from "./live-servers.ts";
import { type Liveness, LiveView } from "./live-view.ts";

/** What changed in the rooms to which somebody is connected. */
export interface LiveRoomsChange {
  /** True: these are all. */
  readonly complete: boolean;
  /** 0 connections: the last one has ended. */
  readonly rooms: ReadonlyMap<string, Liveness>;
  /** Over all rooms with connections. */
  readonly totals: { readonly connections: number; readonly rooms: number };
}

export type LiveRoomsListener = (change: LiveRoomsChange) => void;

/** How often the servers are asked while somebody listens. */
const POLL_MS = 1_000;

/**
 * Which rooms have connections, on all servers. Each server is asked only for what has changed since
 * it was asked last, once a second for all listeners together, and not at all while there are none.
 */
export class LiveWatch {
  readonly #servers: LiveServers;
  readonly #logger: Logger;
  readonly #view: LiveView = new LiveView();
  /** The value is false until a listener has been told of all rooms. */
  readonly #listeners: Map<LiveRoomsListener, boolean> = new Map();
  #refreshing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(servers: LiveServers, logger: Logger) {
    this.#servers = servers;
    this.#logger = logger;
  }

  /** All rooms with connections, now. */
  async all(): Promise<ReadonlyMap<string, Liveness>> {
    await this.#refresh();
    return this.#view.all();
  }

  /**
   * Calls back soon with all rooms, and then with those that changed, about once a second.
   *
   * @returns ends it; no call follows
   */
  watch(listener: LiveRoomsListener): () => void {
    // A listener that is passed twice is two.
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

  /** One at a time: the marks of a server belong to one question. Does not reject. */
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
    if (failures.length > 0) this.#logger.debug({ failures }, "not all servers tell their rooms");
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
        this.#logger.error({ err: error }, "a listener failed when the live rooms changed");
      }
    }
  }
}
