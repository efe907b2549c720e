import { pino } from "pino";
import { expect } from "vitest";
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from "y-protocols/awareness";
import * as Y from "yjs";
import { NO_OBSERVER } from "../../src/hooks/server-observer.ts";
import { inspectUpdate } from "../../src/protocol/update.ts";
import type { ServerAddress } from "../../src/replication/registry.ts";
import { ReplicationStats } from "../../src/replication/replication-stats.ts";
import { Replicator } from "../../src/replication/replicator.ts";
import { FanoutScheduler } from "../../src/room/fanout/fanout-scheduler.ts";
import { UNKNOWN } from "../../src/room/origin.ts";
import { JournalWriter } from "../../src/room/persistence/journal-writer.ts";
import { Snapshotter } from "../../src/room/persistence/snapshotter.ts";
import type { Stores } from "../../src/room/persistence/stored-room.ts";
import type { Room } from "../../src/room/room.ts";
import { loadRoom } from "../../src/room/room-loader.ts";
import type { RoomServices } from "../../src/room/room-services.ts";
import { RoomStats } from "../../src/room/room-stats.ts";
import type { Sink, Subscriber } from "../../src/room/subscriber.ts";
import type { UpdateWorkers } from "../../src/room/workers/update-workers.ts";
import { decodeFrames } from "../support/frames.ts";
import { type CommitOutcome, GatedJournal } from "./gated-journal.ts";
import { type SimulatedNetwork, turn } from "./simulated-network.ts";

const logger = pino({ level: "silent" });
const ROOM = "room";

/** What a server has while it holds the document. */
interface Holder {
  readonly room: Room;
  readonly replicator: Replicator;
  readonly journal: GatedJournal;
  readonly writer: JournalWriter;
  readonly snapshotter: Snapshotter;
}

/** One server with one client, and at most one open document. */
export class SimulatedServer {
  readonly address: ServerAddress;
  readonly client: SimulatedClient;
  readonly stats: ReplicationStats = new ReplicationStats();
  frozen = false;
  open: Holder | null = null;
  readonly #network: SimulatedNetwork;
  readonly #stores: Stores;
  readonly #workers: UpdateWorkers;
  #busy = false;

  constructor(
    address: ServerAddress,
    clientId: number,
    parts: { network: SimulatedNetwork; stores: Stores; workers: UpdateWorkers },
  ) {
    this.address = address;
    this.client = new SimulatedClient(clientId);
    this.#network = parts.network;
    this.#stores = parts.stores;
    this.#workers = parts.workers;
  }

  get isUsable(): boolean {
    return this.open !== null && !this.frozen && !this.#busy;
  }

  async start(): Promise<void> {
    if (this.open !== null || this.#busy) return;
    this.#busy = true;
    this.#network.restart(this.address);
    const replicator = new Replicator(
      ROOM,
      this.#network.clusterOf(this.address),
      logger,
      this.stats,
    );
    this.#network.serve(this.address, replicator);
    const journal = new GatedJournal(this.#stores.journal);
    const writer = new JournalWriter(journal, logger);
    const snapshotter = new Snapshotter({
      stores: this.#stores,
      workers: this.#workers,
      observer: NO_OBSERVER,
      logger,
    });
    const stats = new RoomStats();
    const services: RoomServices = {
      workers: this.#workers,
      compaction: "collect",
      stats,
      publishing: NO_PUBLISHING,
      scheduler: new SilentScheduler(stats),
      journal: writer,
      observer: NO_OBSERVER,
    };
    await replicator.join();
    const { room, fetched } = await loadRoom(ROOM, replicator, this.#stores, services);
    replicator.start(room, fetched, () => room.recover(this.#stores));
    writer.add(room);
    this.open = { room, replicator, journal, writer, snapshotter };
    await this.client.connect(room);
    this.#busy = false;
  }

  /** Makes the client's changes durable: all of them, or those of the commit under way. */
  async commit(isAll = true): Promise<void> {
    await this.#endCommits("succeeds", isAll);
  }

  /** Lets the commit under way fail. The changes stay pending, and are committed later. */
  async failCommit(outcome: CommitOutcome): Promise<void> {
    await this.#endCommits(outcome, false);
  }

  async #endCommits(outcome: CommitOutcome, isAll: boolean): Promise<void> {
    const { open } = this;
    if (open === null || this.#busy) return;
    this.#busy = true;
    const { journal, writer } = open;
    do {
      while (writer.lag.bytes > 0 && !journal.isWaiting) {
        writer.retry();
        await turn();
      }
      await journal.end(outcome);
      await turn();
    } while (isAll && writer.lag.bytes > 0);
    this.#busy = false;
  }

  flush(): void {
    this.open?.room.flush();
    this.open?.replicator.flush();
  }

  async save(): Promise<void> {
    const { open } = this;
    if (open === null || this.#busy) return;
    this.#busy = true;
    await open.snapshotter.save(open.room);
    this.#busy = false;
  }

  /**
   * Unloads the document, as after its last connection has closed: only if everything is durable
   * and stored, otherwise it stays open.
   */
  async leave(): Promise<void> {
    this.client.disconnect();
    await this.commit();
    this.flush();
    await this.save();
    const { open } = this;
    if (open === null || open.room.persistence.isChanged) return;
    if (open.room.log.durable < open.room.log.end) return;
    this.open = null;
    this.#network.remove(this.address);
    open.snapshotter.cancel(open.room);
    open.writer.remove(open.room);
    this.#busy = true;
    await open.replicator.leave();
    this.#busy = false;
  }

  /** Crashes and restarts immediately, within its lease, without opening the document. */
  restart(): void {
    this.crash();
    this.#network.restart(this.address);
  }

  crash(): void {
    this.client.lose();
    this.open?.writer.close();
    this.open = null;
    this.#network.crash(this.address);
  }
}

/** An application's client: its `Y.Doc`, its awareness, and what it knows to be saved. */
export class SimulatedClient {
  readonly doc = new Y.Doc();
  readonly awareness: Awareness;
  /** The clock up to which its own updates were sent back to it. */
  acknowledged = 0;
  #connection: { room: Room; subscriber: Subscriber } | null = null;

  constructor(clientId: number) {
    this.doc.clientID = clientId;
    this.awareness = new Awareness(this.doc);
    this.awareness.setLocalState({ name: String(clientId) });
    this.doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin !== "server") this.#send(update, true);
    });
    this.awareness.on("update", (changed: Record<"added" | "updated" | "removed", number[]>) => {
      // As providers do: they send every new state to the server, whichever client it is from.
      this.#sendAwareness([...changed.added, ...changed.updated, ...changed.removed]);
    });
  }

  get isConnected(): boolean {
    return this.#connection !== null;
  }

  async connect(room: Room): Promise<void> {
    const isCurrent = () => this.#connection?.subscriber.sink === sink;
    const sink: Sink = {
      writable: true,
      // The timers of a crashed server go on in this process.
      write: (frames) => {
        if (isCurrent()) this.#take(frames);
      },
      probe: (onAlive) => {
        if (isCurrent()) onAlive();
      },
      close: () => {},
    };
    const subscriber = room.attach(sink, "later");
    this.#connection = { room, subscriber };
    this.#take([room.stateVectorFrame()]);
    this.#sendAwareness([this.doc.clientID]);
    room.showAwareness(subscriber);
    await room.answer(subscriber, Y.encodeStateVector(this.doc));
  }

  /** Renews its awareness state, as every client does every 15 seconds. */
  renew(): void {
    this.awareness.setLocalState(this.awareness.getLocalState());
  }

  disconnect(): void {
    if (this.#connection === null) return;
    const { room, subscriber } = this.#connection;
    this.#connection = null;
    room.detach(subscriber, Date.now());
    this.#forgetOthers();
  }

  /** Loses the connection because the server is gone. */
  lose(): void {
    this.#connection = null;
    this.#forgetOthers();
  }

  #take(frames: readonly Uint8Array[]): void {
    for (const message of decodeFrames(frames)) {
      switch (message.type) {
        case "state-vector":
          this.#send(Y.encodeStateAsUpdate(this.doc, message.stateVector), false);
          break;
        case "presence":
          applyAwarenessUpdate(this.awareness, message.states, "server");
          break;
        default: {
          const own = Y.parseUpdateMeta(message.update).to.get(this.doc.clientID) ?? 0;
          if (message.type === "update") this.acknowledged = Math.max(this.acknowledged, own);
          Y.applyUpdate(this.doc, message.update, "server");
        }
      }
    }
  }

  #send(update: Uint8Array, isOwn: boolean): void {
    if (this.#connection === null) return;
    const { room, subscriber } = this.#connection;
    const contents = inspectUpdate(update);
    room.submit(update, isOwn ? subscriber.origin : UNKNOWN, contents);
  }

  #sendAwareness(clients: number[]): void {
    if (this.#connection === null) return;
    const { room, subscriber } = this.#connection;
    const known = clients.filter((client) => this.awareness.meta.has(client));
    room.receiveAwareness(encodeAwarenessUpdate(this.awareness, known), subscriber, Date.now());
  }

  #forgetOthers(): void {
    for (const client of [...this.awareness.states.keys()]) {
      if (client === this.doc.clientID) continue;
      // As providers do: they keep the clock.
      this.awareness.states.delete(client);
    }
  }
}

/** Publishes nothing by itself: the test flushes explicitly. */
const NO_PUBLISHING: RoomServices["publishing"] = {
  schedule: () => {},
  scheduleAwareness: () => {},
};

/** Schedules nothing: the test flushes explicitly. */
class SilentScheduler extends FanoutScheduler {
  override schedule(): void {}
  override scheduleAwareness(): void {}
}

export function expectSameContent(docs: readonly Y.Doc[]): void {
  const [first] = docs;
  for (const doc of docs) {
    expect(doc.getText("text").toString()).toBe(first?.getText("text").toString());
    expect(doc.getMap("map").toJSON()).toEqual(first?.getMap("map").toJSON());
    expect(Y.encodeStateVector(doc)).toEqual(Y.encodeStateVector(first ?? doc));
  }
}
