import type {
  Bus,
  BusListener,
  Journal,
  JournalId,
  JournalRow,
  OpenPart,
  Registry,
  ServerAddress,
  Snapshot,
  SnapshotStore,
  SnapshotVersion,
} from "../../src/index.ts";
import { SnapshotConflictError } from "../../src/index.ts";

// Parts as an application would write them, using only the public interfaces.

export class MemoryJournal implements Journal {
  closed = 0;
  readonly #rows: Map<JournalId, JournalRow> = new Map();
  readonly #snapshotted: Set<string> = new Set();
  #next = 1;

  async append(rows: readonly JournalRow[]): Promise<readonly JournalId[]> {
    return rows.map(({ room, update }) => {
      const id = this.#next++;
      this.#rows.set(id, { room, update: update.slice() });
      return id;
    });
  }

  async read(room: string) {
    const all = [...this.#rows].map(([id, row]) => ({ id, ...row }));
    return {
      rows: all.filter((row) => row.room === room),
      snapshotted: this.#snapshotted.has(room),
    };
  }

  async truncate(room: string, ids: readonly JournalId[]): Promise<void> {
    for (const id of ids) this.#rows.delete(id);
    this.#snapshotted.add(room);
  }

  async forget(room: string): Promise<void> {
    for (const [id, row] of this.#rows) if (row.room === room) this.#rows.delete(id);
    this.#snapshotted.delete(room);
  }

  async close(): Promise<void> {
    this.closed++;
  }
}

export class MemorySnapshots implements SnapshotStore {
  closed = 0;
  readonly stored: Map<string, Snapshot> = new Map();
  #versions = 0;

  async read(room: string): Promise<Snapshot | null> {
    return this.stored.get(room) ?? null;
  }

  async write(
    room: string,
    update: Uint8Array,
    expected: SnapshotVersion | null,
  ): Promise<SnapshotVersion> {
    if ((this.stored.get(room)?.version ?? null) !== expected) {
      throw new SnapshotConflictError(`another snapshot of ${room}`);
    }
    const version = String(++this.#versions) as SnapshotVersion;
    this.stored.set(room, { update: update.slice(), version });
    return version;
  }

  async delete(room: string): Promise<void> {
    this.stored.delete(room);
  }

  async close(): Promise<void> {
    this.closed++;
  }
}

/** Connects servers in one process. */
export class MemoryCluster {
  /** The parts that have been closed. */
  readonly closed: string[] = [];
  readonly #listeners: Map<string, Set<BusListener>> = new Map();
  readonly #holders: Map<string, Set<ServerAddress>> = new Map();
  readonly #servers: Set<ServerAddress> = new Set();

  readonly bus: OpenPart<Bus> = ({ address }) => ({
    problem: undefined,
    subscribe: async (room, listener) => {
      const listeners = this.#listeners.get(room) ?? new Set();
      this.#listeners.set(room, listeners.add(listener));
      return {
        publish: (message) => {
          for (const other of listeners) setImmediate(() => other.onMessage(message));
        },
        close: async () => {
          listeners.delete(listener);
        },
      };
    },
    close: async () => {
      this.closed.push(`bus of ${address}`);
    },
  });

  readonly registry: OpenPart<Registry> = async ({ address }) => {
    this.#servers.add(address);
    return {
      problem: undefined,
      lease: "held",
      hold: async (room) => {
        const holders = this.#holders.get(room) ?? new Set();
        this.#holders.set(room, holders.add(address));
        return { alive: [...holders].filter((holder) => holder !== address), lapsed: [] };
      },
      release: async (room) => {
        this.#holders.get(room)?.delete(address);
      },
      lapsed: async () => [],
      servers: async () => ({ alive: [...this.#servers], lapsed: [] }),
      onRejoined: () => {},
      close: async () => {
        this.#servers.delete(address);
        this.closed.push(`registry of ${address}`);
      },
    };
  };
}

/** The same part with a `close` that does nothing, for a server that must not close it. */
export function lent<Part extends { close(): Promise<void> }>(part: Part): Part {
  return new Proxy(part, {
    get: (target, name) => {
      if (name === "close") return async () => {};
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
