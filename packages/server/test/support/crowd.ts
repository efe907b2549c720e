import { expect } from "vitest";
import { PersistentClient } from "./persistent-client.ts";
import { readRoom } from "./raw-client.ts";
import type { TestCluster } from "./test-cluster.ts";
import { waitFor } from "./wait-for.ts";

const ROOMS = 4;
const CLIENTS = 8;

/** Clients that edit some rooms through all servers of a cluster while faults occur. */
export class Crowd {
  readonly clients: readonly PersistentClient[];
  readonly #cluster: TestCluster;

  /**
   * @param name the name of their rooms; no other crowd may use it
   * @param urls the URLs to connect to, if not those of the servers
   */
  constructor(cluster: TestCluster, name: string, urls = () => cluster.wsUrls) {
    this.#cluster = cluster;
    this.clients = Array.from(
      { length: CLIENTS },
      (_, i) => new PersistentClient(`${name}-${i % ROOMS}`, urls),
    );
  }

  /** Waits until every client has had a change acknowledged that it made after this call. */
  async isSaving(timeout = 30_000): Promise<void> {
    const before = this.clients.map(({ clock }) => clock);
    await waitFor(() => this.clients.every((one, i) => one.acknowledged > (before[i] ?? 0)), {
      timeout,
      message: () => `every client has had a new change acknowledged: ${this.#describe()}`,
    });
  }

  /**
   * Call once all faults are over. Waits until all clients have the same content, and checks that
   * everything acknowledged to them is still there after all servers have been killed.
   */
  async lostNothing(): Promise<void> {
    await this.isSaving(60_000);
    await this.agrees();
    await waitFor(() => this.clients.every((one) => one.isSaved), {
      message: () => `every change is acknowledged: ${this.#describe()}`,
    });
    await this.close();
    await this.survivesCrash();
    for (const client of this.clients) {
      const doc = await readRoom(this.#cluster.wsUrls[0] ?? "", client.room);
      expect(doc.getText("text").toString()).toBe(client.doc.getText("text").toString());
    }
  }

  /** Checks that everything acknowledged is still there after all servers have been killed. */
  async survivesCrash(): Promise<void> {
    const { members } = this.#cluster;
    await Promise.all(members.map(({ process }) => process.kill()));
    await Promise.all(members.map((member) => this.#cluster.restart(member)));
    for (const client of this.clients) {
      const doc = await readRoom(this.#cluster.wsUrls[0] ?? "", client.room);
      expect(client.missingFrom(doc)).toEqual([]);
    }
  }

  /** Stops editing, and waits until all clients of each room have the same content. */
  async agrees(): Promise<void> {
    for (const client of this.clients) client.stopEditing();
    await waitFor(() => this.clients.every((one) => this.#agreesWithOthers(one)), {
      message: () => `the clients of each room have the same content: ${this.#describe()}`,
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
  }

  #agreesWithOthers(one: PersistentClient): boolean {
    const text = one.doc.getText("text").toString();
    return this.clients.every(
      (other) => other.room !== one.room || other.doc.getText("text").toString() === text,
    );
  }

  /** Each client's connection, acknowledged clock and clock, and the output of the servers. */
  #describe(): string {
    const clients = this.clients.map((one) => [one.isConnected, one.acknowledged, one.clock]);
    const logs = this.#cluster.members.map(({ process }) => process.tail());
    return [JSON.stringify(clients), ...logs].join("\n---\n");
  }
}
