import type { Bus, BusListener } from "../../src/replication/bus.ts";
import type { Cluster } from "../../src/replication/cluster.ts";
import { decodeMessage } from "../../src/replication/message.ts";
import {
  decodePeerRequest,
  decodePeerState,
  encodePeerRequest,
  encodePeerState,
  type PeerAnswer,
  PeerError,
  type PeerRequest,
} from "../../src/replication/peers.ts";
import type { OtherHolders, ServerAddress } from "../../src/replication/registry.ts";
import type { Replicator } from "../../src/replication/replicator.ts";
import type { Stores } from "../../src/room/persistence/stored-room.ts";
import { MemoryStore } from "../../src/storage/memory/memory-store.ts";
import { delayed } from "../support/wrap-part.ts";

/** Yields to other tasks, as waiting for a service does. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** How many turns a call of the registry takes: enough for other steps to interleave. */
const CALL_TURNS = 12;

/**
 * A fault of a connection to the bus: it is known to be down, it is half open, or messages get
 * through in one direction only.
 */
export const BUS_FAULTS = ["down", "half open", "takes only", "brings only"] as const;
export type BusFault = (typeof BUS_FAULTS)[number];

/**
 * One room's bus, registry and servers, in this process. The test controls which messages are lost
 * and when they arrive. Everything passes through the wire encodings.
 */
export class SimulatedNetwork {
  /** How many of the next messages on the bus are lost. */
  losing = 0;
  /**
   * Whether a farewell can be lost although no bus reports a problem. The others then find out only after
   * the server has been silent for a while.
   */
  losesFarewells = true;
  readonly lapsed: Set<ServerAddress> = new Set();
  readonly registered: Set<ServerAddress> = new Set();
  /** Registry calls for the room that began before the previous one had ended. */
  readonly overlaps: string[] = [];
  readonly published: Map<ServerAddress, number> = new Map();
  readonly #answering: Map<ServerAddress, Replicator> = new Map();
  readonly #frozen: Set<ServerAddress> = new Set();
  readonly #subscribers: { server: ServerAddress; listener: BusListener; inbox: Uint8Array[] }[] =
    [];
  readonly #cut: Set<string> = new Set();
  /** Servers with a faulty connection to the bus, and the fault. */
  readonly #buses: Map<ServerAddress, BusFault> = new Map();
  /** The current run of each server; incremented when the server restarts. */
  readonly incarnations: Map<ServerAddress, number> = new Map();
  /** Servers that crashed and have not restarted: nothing responds at their addresses. */
  readonly crashed: Set<ServerAddress> = new Set();

  /** Returns the cluster as seen by one server. */
  clusterOf(address: ServerAddress): Cluster {
    let calling: string | undefined;
    const call = async <T>(name: string, work: () => T): Promise<T> => {
      if (calling !== undefined) this.overlaps.push(`${name} during ${calling}`);
      calling = name;
      for (let i = 0; i < CALL_TURNS; i++) await turn();
      calling = undefined;
      return work();
    };
    return {
      address,
      incarnation: this.incarnations.get(address) ?? 0,
      bus: this.#busOf(address),
      registry: {
        problem: undefined,
        hold: () =>
          call("hold", () => {
            this.registered.add(address);
            return this.#othersOf(address);
          }),
        release: () =>
          call("release", () => {
            this.registered.delete(address);
          }),
        lapsed: async (servers) => servers.filter((server) => this.lapsed.has(server)),
        servers: async () => ({ alive: [address], lapsed: [] }),
        lease: "held",
        onRejoined: () => {},
        close: async () => {},
      },
      peers: {
        ask: (server, room, request) => this.#ask(address, server, room, request),
        close: () => {},
      },
    };
  }

  /** Makes the server answer requests for the document. */
  serve(address: ServerAddress, replicator: Replicator): void {
    this.#answering.set(address, replicator);
    this.lapsed.delete(address);
  }

  /** The server no longer holds the document. */
  remove(address: ServerAddress): void {
    this.#answering.delete(address);
    this.#unsubscribe(address);
  }

  /** The server disappears without notice. */
  crash(address: ServerAddress): void {
    this.remove(address);
    this.crashed.add(address);
  }

  /** Restarts a crashed server. */
  restart(address: ServerAddress): void {
    if (!this.crashed.delete(address)) return;
    this.incarnations.set(address, (this.incarnations.get(address) ?? 0) + 1);
  }

  /** The server neither responds nor processes messages; they wait for it. */
  freeze(address: ServerAddress): void {
    this.#frozen.add(address);
  }

  thaw(address: ServerAddress): void {
    this.#frozen.delete(address);
  }

  cut(kind: "bus" | "peers", a: ServerAddress, b: ServerAddress): void {
    this.#cut.add(`${kind} ${a} ${b}`).add(`${kind} ${b} ${a}`);
  }

  /** Injects a fault into one server's connection to the bus. */
  cutBusOf(address: ServerAddress, fault: BusFault): void {
    this.#buses.set(address, fault);
  }

  /** Whether one server can reach another directly. */
  reaches(from: ServerAddress, to: ServerAddress): boolean {
    return !this.#cut.has(`peers ${from} ${to}`) && !this.#frozen.has(to);
  }

  /** @param except a server whose connection to the bus stays as it is */
  heal(peersToo: boolean, except?: ServerAddress): void {
    for (const address of [...this.#buses.keys()]) {
      if (address === except) continue;
      this.#buses.delete(address);
      // A faulty connection is replaced by another one.
      const own = this.#subscribers.filter(({ server }) => server === address);
      for (const { listener } of own) listener.onInterrupted();
    }
    for (const link of this.#cut) {
      if (peersToo || link.startsWith("bus ")) this.#cut.delete(link);
    }
    this.losing = 0;
  }

  /** Delivers messages in transit. */
  deliver(): void {
    for (const { server, listener, inbox } of [...this.#subscribers]) {
      if (this.#frozen.has(server)) continue;
      for (const message of inbox.splice(0)) listener.onMessage(message);
    }
  }

  #busOf(address: ServerAddress): Bus {
    const buses = this.#buses;
    return {
      get problem() {
        return buses.get(address) === "down" ? "down" : undefined;
      },
      subscribe: async (_room, listener) => {
        await turn();
        this.#subscribers.push({ server: address, listener, inbox: [] });
        return {
          publish: (message) => this.#publish(address, message),
          close: async () => this.#unsubscribe(address),
        };
      },
      close: async () => {},
    };
  }

  #publish(from: ServerAddress, message: Uint8Array): void {
    this.published.set(from, (this.published.get(from) ?? 0) + 1);
    const fault = this.#buses.get(from);
    const isSpared = !this.losesFarewells && fault !== "down" && isFarewell(message);
    if (this.losing > 0 && !isSpared) {
      this.losing--;
      return;
    }
    if (fault !== undefined && fault !== "takes only" && !isSpared) return;
    for (const { server, inbox } of this.#subscribers) {
      const theirs = this.#buses.get(server);
      const arrives =
        (theirs === undefined || theirs === "brings only") &&
        !this.#cut.has(`bus ${from} ${server}`);
      if (arrives || (isSpared && theirs !== "down")) inbox.push(message.slice());
    }
  }

  #unsubscribe(address: ServerAddress): void {
    const at = this.#subscribers.findIndex(({ server }) => server === address);
    if (at >= 0) this.#subscribers.splice(at, 1);
  }

  #othersOf(address: ServerAddress): OtherHolders {
    const others = [...this.registered].filter((other) => other !== address);
    const lapsed = others.filter((other) => this.lapsed.has(other));
    for (const other of lapsed) this.registered.delete(other);
    return { alive: others.filter((other) => !this.lapsed.has(other)), lapsed };
  }

  async #ask(
    from: ServerAddress,
    to: ServerAddress,
    room: string,
    request: PeerRequest,
  ): Promise<PeerAnswer> {
    await turn();
    if (!this.reaches(from, to)) throw new PeerError("cut");
    if (this.crashed.has(to)) throw new PeerError("refused");
    const replicator = this.#answering.get(to);
    if (replicator === undefined) {
      // Like a server that is registered as a holder but does not hold the document.
      this.registered.delete(to);
      return { type: "absent" };
    }
    const asked = decodePeerRequest(encodePeerRequest(room, request));
    const answer = await replicator.answer(asked.request);
    await turn();
    if (answer.type !== "state") return answer;
    const body = Buffer.concat(encodePeerState(answer.state));
    return { type: "state", state: decodePeerState(body) };
  }
}

/** Stores that all servers share. Other tasks run before a call takes effect. */
export function simulatedStores(): Stores {
  const store = new MemoryStore();
  return {
    journal: delayed(store.openJournal(), turn),
    snapshots: delayed(store.openSnapshots(), turn),
  };
}

function isFarewell(message: Uint8Array): boolean {
  return decodeMessage(message).body.type === "leaving";
}
