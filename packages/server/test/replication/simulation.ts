import { expect, vi } from "vitest";
import * as Y from "yjs";
import { PromptWorkers } from "../support/prompt-workers.ts";
import { SimulatedNetwork, simulatedStores, turn } from "./simulated-network.ts";
import { SimulatedServer } from "./simulated-server.ts";

export const SERVERS = 3;

const workers = new PromptWorkers();

/** Three servers, one client each, and one room. */
export class Simulation {
  readonly network = new SimulatedNetwork();
  readonly stores = simulatedStores();
  readonly servers = Array.from({ length: SERVERS }, (_, i) => {
    const { network, stores } = this;
    return new SimulatedServer(`server-${i}:1`, i + 1, { network, stores, workers });
  });
  readonly #tasks: Promise<void>[] = [];

  at(index: number): SimulatedServer {
    const found = this.servers[index];
    if (found === undefined) throw new Error(`no server ${index}`);
    return found;
  }

  /** Begins a task with which other steps may interleave. */
  begin(task: Promise<void>): void {
    this.#tasks.push(task);
  }

  async finished(): Promise<void> {
    await Promise.all(this.#tasks.splice(0));
  }

  lapse(one: SimulatedServer): void {
    this.network.lapsed.add(one.address);
    for (const { open } of this.servers) open?.replicator.evict([one.address]);
  }

  thaw(one: SimulatedServer): void {
    if (!one.frozen) return;
    one.frozen = false;
    this.network.thaw(one.address);
    if (!this.network.lapsed.delete(one.address)) return;
    one.open?.replicator.rejoin();
  }

  /** Restarts a server, which notifies the servers that it can reach. */
  restart(one: SimulatedServer): void {
    one.restart();
    this.network.lapsed.delete(one.address);
    for (const other of this.servers) {
      if (this.network.reaches(one.address, other.address)) this.compareIncarnations(other);
    }
  }

  /** Compares incarnations, as servers do when they read the leases of others. */
  compareIncarnations({ open }: SimulatedServer): void {
    for (const [address, incarnation] of this.network.incarnations) {
      open?.replicator.foundRun(address, incarnation);
    }
  }

  /**
   * Lets everything recover, except perhaps direct connections between servers or one server's
   * connection to the bus, and lets time pass: less than a holder may be silent if that connection
   * stays broken, because the servers have to compensate for it by other means.
   */
  async settle(peersToo: boolean, withoutBus?: SimulatedServer): Promise<void> {
    this.network.heal(peersToo, withoutBus?.address);
    for (const one of this.servers) this.thaw(one);
    await this.finished();
    await this.at(0).start();
    for (let round = 0; round < 12; round++) {
      vi.advanceTimersByTime(withoutBus === undefined ? 20_000 : 2_500);
      // Leases are read again and again: messages of a dead server may still have been in transit.
      for (const one of this.servers) if (this.network.crashed.has(one.address)) this.lapse(one);
      for (const one of this.servers) {
        await one.commit();
        this.compareIncarnations(one);
        one.client.renew();
        one.open?.replicator.tick(Date.now());
        one.flush();
        for (let i = 0; i < 4; i++) {
          await turn();
          this.network.deliver();
        }
      }
    }
  }

  /** Unloads the document everywhere. A server that receives news while it saves tries again. */
  async leave(): Promise<void> {
    for (let i = 0; i < 3; i++) for (const one of this.servers) await one.leave();
    for (const { open } of this.servers) expect(open).toBeNull();
  }

  /** Expects everything acknowledged to be stored, and nothing before it to be missing. */
  async expectStored(): Promise<void> {
    // Read first: more may be acknowledged while the stores are read.
    const acknowledged = this.servers.map(({ client }) => [
      client.doc.clientID,
      client.acknowledged,
    ]);
    const doc = new Y.Doc();
    const { rows } = await this.stores.journal.read("room");
    const snapshot = await this.stores.snapshots.read("room");
    for (const { update } of rows) Y.applyUpdate(doc, update);
    if (snapshot !== null) Y.applyUpdate(doc, snapshot.update);
    for (const [client = 0, clock = 0] of acknowledged) {
      expect(Y.getState(doc.store, client)).toBeGreaterThanOrEqual(clock);
    }
  }
}
