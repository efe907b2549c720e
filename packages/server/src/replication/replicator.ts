import type { Logger } from "pino";
import type { BusListener, Subscription } from "./bus.ts";
import type { Cluster } from "./cluster.ts";
import { DirectExchange } from "./direct-exchange.ts";
import { HeartbeatSchedule } from "./heartbeat-schedule.ts";
import { decodeMessage, type HolderMessage } from "./message.ts";
import { OpeningBuffer } from "./opening-buffer.ts";
import type { Peer } from "./peer.ts";
import { NOTHING, PeerAsker } from "./peer-asker.ts";
import { PeerTable } from "./peer-table.ts";
import type { PeerAnswer, PeerRequest, PeerState } from "./peers.ts";
import { Publisher } from "./publisher.ts";
import { Recovery } from "./recovery.ts";
import { Registration } from "./registration.ts";
import type { Incarnation, ServerAddress } from "./registry.ts";
import type { Replica } from "./replica.ts";
import { ReplicaSync, type ReplicationParts } from "./replica-sync.ts";
import type { ReplicationStats } from "./replication-stats.ts";

/** The state of a document that is being opened, fetched from another server. */
export interface Fetched {
  readonly from: Peer;
  readonly state: PeerState;
}

/** How long to wait for other holders to respond on the bus when the registry is unavailable. */
const DISCOVERY_MS = 300;
/** After an interruption every document has to catch up; this spreads the load. */
const SPREAD_MS = 2_000;

/** A replicator goes through these states in this order; it may also leave before it is open. */
type State =
  | { readonly name: "opening"; readonly waiting: OpeningBuffer }
  | { readonly name: "open"; readonly sync: ReplicaSync }
  | { readonly name: "left" };

/**
 * Keeps this server's replica of one document in sync with those of the other servers that hold it.
 * While there are no others, nothing is published.
 *
 * Only durable updates are sent to other servers. Whatever another server received is therefore in
 * the stores too, and a server that missed something can get it from either.
 *
 * This class joins and leaves the holders; meanwhile `PeerTable` knows the others, and `ReplicaSync`
 * keeps an open document in sync with theirs.
 */
export class Replicator implements BusListener {
  readonly room: string;
  readonly #parts: ReplicationParts;
  readonly #registration: Registration;
  #state: State = { name: "opening", waiting: new OpeningBuffer() };
  #subscription: Subscription | undefined;

  constructor(room: string, cluster: Cluster, logger: Logger, stats: ReplicationStats) {
    this.room = room;
    const publisher = new Publisher(cluster, stats);
    const heartbeats = new HeartbeatSchedule();
    const recovery = new Recovery(room, logger);
    const replica = () => this.#sync?.replica ?? null;
    this.#parts = {
      room,
      cluster,
      logger,
      stats,
      publisher,
      heartbeats,
      recovery,
      exchange: new DirectExchange(cluster.bus, publisher),
      peers: new PeerTable({ room, logger, publisher, heartbeats, recovery, replica }),
      asker: new PeerAsker({ room, cluster, publisher, logger, stats }),
    };
    this.#registration = new Registration(room, cluster.registry);
  }

  /** Whether other servers hold the document; otherwise nothing is published. */
  get active(): boolean {
    return !this.#parts.peers.isEmpty;
  }

  /** The other servers that hold the document. */
  get others(): ServerAddress[] {
    return this.#parts.peers.addresses;
  }

  /** How many of them have content that is missing here, or may have. */
  get lagging(): number {
    return this.#parts.peers.lagging;
  }

  /** Whether this server is the holder that stores snapshots; one is enough. */
  get isSnapshotLeader(): boolean {
    return this.others.every((other) => this.#parts.cluster.address < other);
  }

  /**
   * Subscribes first, then registers, so that no message is missed after registration.
   *
   * @throws RegistryError if both the registry and the bus are unavailable, so that other holders
   *   cannot be found
   */
  async join(): Promise<void> {
    const { bus } = this.#parts.cluster;
    this.#subscription = await bus.subscribe(this.room, this);
    this.#parts.publisher.connect(this.#subscription);
    try {
      await this.#register();
    } catch (error) {
      if (bus.problem !== undefined) throw error;
      this.#parts.logger.warn(
        { room: this.room, err: error },
        "registering as a holder failed, asking on the bus",
      );
      await this.#discover();
    }
  }

  /**
   * Asks the other holders for the document, one after the other.
   *
   * @returns the state from the first one that provides it, or `null`
   */
  async fetch(): Promise<Fetched | null> {
    for (const peer of [...this.#parts.peers]) {
      const answer = await this.#parts.asker.askWhole(peer);
      if (answer?.type === "absent") this.#parts.peers.remove(peer);
      if (answer?.type === "state" && peer.isRun(answer.state.incarnation))
        return { from: peer, state: answer.state };
    }
    return null;
  }

  /**
   * Called when the document is open: applies the messages that arrived in the meantime, and
   * announces this server to the other holders.
   *
   * @param fetched the state that the document was opened from, or `null` if it came from the
   *   stores
   * @param recover applies whatever the stores have and the replica lacks
   */
  start(replica: Replica, fetched: Fetched | null, recover: () => Promise<void>): void {
    if (this.#state.name !== "opening") return;
    const { waiting } = this.#state;
    const sync = new ReplicaSync(this.#parts, replica, recover);
    this.#state = { name: "open", sync };
    if (fetched !== null) {
      // The fetched state may lack deletions by a server that has left since: its messages may still
      // be on the way, while the snapshot that it stored already has them.
      this.#parts.recovery.soon();
      sync.applied(fetched.state, fetched.from);
    }
    for (const message of waiting) this.onMessage(message);
    sync.sendHeartbeat(true);
    this.tick(Date.now());
  }

  /** Adds an update of this server's clients that has become durable. */
  add(update: Uint8Array): void {
    this.#parts.publisher.add(update);
  }

  /** Publishes the changes by this server's clients since the last flush. */
  flush(): void {
    this.#sync?.flush();
  }

  /** Asks the server that owns a client whether that client is still connected. */
  probe(holder: ServerAddress, client: number): void {
    this.#parts.publisher.publish({ type: "probe", holder, client });
  }

  /** Answers another server's request for the document. The request makes that server a holder. */
  async answer(request: PeerRequest): Promise<PeerAnswer> {
    if (this.#state.name === "left") return { type: "absent" };
    const isOther = request.from !== this.#parts.cluster.address;
    const peer = isOther ? this.#parts.peers.addRequester(request) : null;
    const sync = this.#sync;
    if (sync === null) return { type: "opening" };
    return { type: "state", state: await sync.stateFor(request.stateVector, peer) };
  }

  onMessage(bytes: Uint8Array): void {
    if (this.#state.name === "left") return;
    let message: HolderMessage;
    try {
      message = decodeMessage(bytes);
    } catch (error) {
      this.#parts.logger.warn(
        { room: this.room, err: error },
        "ignored a malformed message on the bus",
      );
      return;
    }
    if (message.sender === this.#parts.cluster.address) {
      this.#checkOwn(message);
    } else if (this.#state.name === "opening") {
      const { sender, incarnation, body } = message;
      if (body.type !== "leaving") this.#parts.peers.addRun(sender, incarnation);
      this.#state.waiting.add(bytes);
    } else {
      this.#state.sync.take(message);
    }
  }

  onInterrupted(): void {
    this.#parts.stats.interruptions++;
    this.#sync?.interrupted(Date.now());
    this.#askAround();
  }

  /** Performs what is due. Call about once a second. */
  tick(now: number): void {
    const sync = this.#sync;
    if (sync === null) return;
    if (this.#registration.isDue(now)) this.#registerAgain();
    sync.tick(now);
  }

  /**
   * The stores may have content that this server lacks: reads them, retrying until that succeeds.
   */
  recoverSoon(): void {
    this.#parts.recovery.soon();
  }

  /** See `PeerTable.foundRun`. */
  foundRun(address: ServerAddress, incarnation: Incarnation): boolean {
    return this.#parts.peers.foundRun(address, incarnation);
  }

  /** Whether another holder responds at all. */
  async answers(address: ServerAddress): Promise<boolean> {
    const peer = this.#parts.peers.get(address);
    const sync = this.#sync;
    return peer !== undefined && sync !== null && (await sync.answers(peer));
  }

  /** See `PeerTable.evict`. */
  evict(dead: readonly ServerAddress[]): void {
    this.#parts.peers.evict(dead);
  }

  /** Others may have presumed this server dead: registers again, and catches up. */
  rejoin(): void {
    const soon = Date.now() + Math.random() * SPREAD_MS;
    this.#registration.renew(soon);
    // Asks directly: a heartbeat does not reach servers whose bus is down.
    this.#parts.exchange.at(soon);
    this.#parts.recovery.soon();
    this.#askAround();
  }

  /**
   * Announces to the other holders and the registry that this server is leaving. Does not reject.
   */
  async leave(): Promise<void> {
    if (this.#state.name === "left") return;
    this.flush();
    if (this.active) this.#parts.publisher.publish({ type: "leaving" });
    // Before the document was open, nothing was published that anyone could be missing.
    const told = this.#parts.exchange.isBusSilent(Date.now())
      ? this.#sync?.tellDirectly()
      : undefined;
    this.#state = { name: "left" };
    const release = this.#registration.release().catch((error: unknown) => {
      this.#parts.logger.warn(
        { room: this.room, err: error },
        "could not remove this server from the holders, it stays registered",
      );
    });
    await Promise.all([release, told, this.#subscription?.close()]);
  }

  /** `null` unless the document is open. */
  get #sync(): ReplicaSync | null {
    return this.#state.name === "open" ? this.#state.sync : null;
  }

  async #register(): Promise<void> {
    const { alive, lapsed } = await this.#registration.hold();
    if (this.#state.name === "left") return;
    for (const address of alive) this.#parts.peers.add(address);
    if (lapsed.length > 0) this.#parts.recovery.soon();
    this.#parts.peers.evict(lapsed);
  }

  #registerAgain(): void {
    this.#register().catch((error: unknown) => {
      this.#parts.logger.debug(
        { room: this.room, err: error },
        "registering as a holder failed, retrying",
      );
    });
  }

  /**
   * Finds other holders without the registry: asks on the bus, and waits for the first response.
   */
  async #discover(): Promise<void> {
    if (this.#state.name !== "opening") return;
    const heard = this.#state.waiting.next(DISCOVERY_MS);
    this.#parts.publisher.publish({ type: "heartbeat", stateVector: NOTHING, wantsReply: true });
    await heard;
  }

  /** Messages may have been lost: soon asks the others for their sequence numbers. */
  #askAround(): void {
    this.#parts.heartbeats.by(Date.now() + Math.random() * SPREAD_MS);
    this.#parts.heartbeats.wantsReply = true;
  }

  /** Two servers with the same address ignore each other's messages and lose edits. Logged once. */
  #checkOwn({ epoch }: HolderMessage): void {
    if (!this.#parts.publisher.echo.came(epoch, Date.now())) return;
    const { address } = this.#parts.cluster;
    this.#parts.logger.error(
      { room: this.room, address },
      "another server uses the same SERVER_ADDRESS; give each server its own",
    );
  }
}
