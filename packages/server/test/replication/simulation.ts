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

  /** Begins something that others may come in between of. */
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

  /** A server is started again, and tells those that it reaches. */
  restart(one: SimulatedServer): void {
    one.restart();
    this.network.lapsed.delete(one.address);
    for (const other of this.servers) {
      if (this.network.reaches(one.address, other.address)) this.compareIncarnations(other);
    }
  }

  /** As servers do when they look at the leases of others. */
  compareIncarnations({ open }: SimulatedServer): void {
    for (const [address, incarnation] of this.network.incarnations) {
      open?.replicator.foundRun(address, incarnation);
    }
  }

  /**
   * Everything works again, except perhaps between servers directly, or one server's connection to
   * the bus, and time passes: less than a holder may be silent, when that one is to be made up for.
   */
  async settle(peersToo: boolean, withoutBus?: SimulatedServer): Promise<void> {
    this.network.heal(peersToo, withoutBus?.address);
    for (const one of this.servers) this.thaw(one);
    await this.finished();
    await this.at(0).start();
    for (let round = 0; round < 12; round++) {
      vi.setSystemTime(Date.now() + (withoutBus === undefined ? 20_000 : 2_500));
      // Leases are looked at again and again: what a dead server sent may still have been on its way.
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

  /** A server may hear something new while it stores; it tries again, as servers do. */
  async leave(): Promise<void> {
    for (let i = 0; i < 3; i++) for (const one of this.servers) await one.leave();
    for (const { open } of this.servers) expect(open).toBeNull();
  }

  /** Whatever crashes now, what was acknowledged is stored, and nothing before it is missing. */
  async expectStored(): Promise<void> {
    const doc = new Y.Doc();
    const { rows } = await this.stores.journal.read("room");
    const snapshot = await this.stores.snapshots.read("room");
    for (const { update } of rows) Y.applyUpdate(doc, update);
    if (snapshot !== null) Y.applyUpdate(doc, snapshot.update);
    for (const { client } of this.servers) {
      const stored = Y.getState(doc.store, client.doc.clientID);
      expect(stored).toBeGreaterThanOrEqual(client.acknowledged);
    }
  }
}
