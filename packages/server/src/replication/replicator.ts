import type { Logger } from "pino";
import { within } from "../runtime/time-limit.ts";
import type { Bus, BusListener, Subscription } from "./bus.ts";
import { type Asker, ask, CatchUp } from "./catch-up.ts";
import { HeartbeatSchedule } from "./heartbeat-schedule.ts";
import { type AwarenessReport, decodeMessage, type HolderMessage } from "./message.ts";
import { Peer } from "./peer.ts";
import type { PeerAnswer, PeerRequest, PeerState, Peers } from "./peers.ts";
import { Publisher } from "./publisher.ts";
import { Registration } from "./registration.ts";
import type { Incarnation, Registry, ServerAddress } from "./registry.ts";
import type { Replica } from "./replica.ts";
import type { ReplicationStats } from "./replication-stats.ts";
import { WaitingMessages } from "./waiting-messages.ts";

/** The cluster, as seen by one server. */
export interface Cluster {
  /** The address at which other servers reach this one. */
  readonly address: ServerAddress;
  /** Distinguishes this run from earlier runs at that address. */
  readonly incarnation: Incarnation;
  readonly bus: Bus;
  readonly registry: Registry;
  readonly peers: Peers;
}

/** The state of a document that is being opened, fetched from another server. */
export interface Fetched {
  readonly from: Peer;
  readonly state: PeerState;
}

/** A holder that has been silent for this long is asked whether it still holds the document. */
const SILENCE_MS = 40_000;
/**
 * How often holders ask each other directly while the bus is down. One that has new changes does so
 * at the next tick.
 */
const EXCHANGE_MS = 1_800;
/** How long to wait for other holders to respond on the bus when the registry is unavailable. */
const DISCOVERY_MS = 300;
/** How long messages may still arrive that this server sent when it last held the document. */
const OWN_ECHO_MS = 10_000;
/** How long a leaving server waits for requests to holders that the bus may not have reached. */
const FAREWELL_MS = 1_000;
/** After an interruption every document has to catch up; this spreads the load. */
const SPREAD_MS = 2_000;

interface Open {
  readonly name: "open";
  readonly replica: Replica;
  readonly catchUp: CatchUp;
}

type State =
  | { readonly name: "opening"; readonly waiting: WaitingMessages }
  | Open
  | { readonly name: "left" };

/**
 * Keeps this server's replica of one document in sync with those of the other servers that hold it.
 * While there are no others, nothing is published.
 *
 * Only durable updates are sent to other servers. Whatever another server received is therefore in
 * the stores too, and a server that missed something can get it from either.
 */
export class Replicator implements BusListener {
  readonly room: string;
  readonly #cluster: Cluster;
  readonly #logger: Logger;
  readonly #stats: ReplicationStats;
  readonly #publisher: Publisher;
  readonly #peers: Map<ServerAddress, Peer> = new Map();
  readonly #registration: Registration;
  readonly #heartbeats: HeartbeatSchedule = new HeartbeatSchedule();
  #state: State = { name: "opening", waiting: new WaitingMessages() };
  #subscription: Subscription | undefined;
  /** The version up to which the awareness of this server's clients has been published. */
  #awarenessVersion = 0;
  #exchangeAt = 0;
  /** At this time the others are asked once, regardless of the state of the bus. */
  #askAllAt = Number.POSITIVE_INFINITY;
  /** This server's sequence number when it last asked the others. */
  #exchanged = 0;
  #recoveryDue = false;
  #heardOfOther: (() => void) | undefined;
  /**
   * After this time, a message with this server's address and another epoch is from another server.
   */
  #doubtAt = Date.now() + OWN_ECHO_MS;

  constructor(room: string, cluster: Cluster, logger: Logger, stats: ReplicationStats) {
    this.room = room;
    this.#cluster = cluster;
    this.#logger = logger;
    this.#stats = stats;
    this.#publisher = new Publisher(cluster, stats);
    this.#registration = new Registration(room, cluster.registry);
  }

  /** Whether other servers hold the document; otherwise nothing is published. */
  get active(): boolean {
    return this.#peers.size > 0;
  }

  /** The other servers that hold the document. */
  get others(): ServerAddress[] {
    return [...this.#peers.keys()];
  }

  /** How many of them have content that is missing here, or may have. */
  get lagging(): number {
    let lagging = 0;
    for (const peer of this.#peers.values()) if (peer.isLagging) lagging++;
    return lagging;
  }

  /** Whether this server is the holder that stores snapshots; one is enough. */
  get isSnapshotLeader(): boolean {
    return this.others.every((other) => this.#cluster.address < other);
  }

  /**
   * Subscribes first, then registers, so that no message is missed after registration.
   *
   * @throws RegistryError if both the registry and the bus are unavailable, so that other holders
   *   cannot be found
   */
  async join(): Promise<void> {
    const { bus } = this.#cluster;
    this.#subscription = await bus.subscribe(this.room, this);
    this.#publisher.connect(this.#subscription);
    try {
      await this.#register();
    } catch (error) {
      if (bus.problem !== undefined) throw error;
      this.#logger.warn(
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
    const request = this.#request(NOTHING, true);
    for (const peer of [...this.#peers.values()]) {
      const answer = await ask(this.#asker(), peer, request);
      if (answer?.type === "absent") this.#peers.delete(peer.address);
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
    const catchUp = new CatchUp({
      ...this.#asker(),
      replica,
      recover,
      request: () => this.#request(replica.durableVector(), false),
      isHolder: (peer) => this.#peers.get(peer.address) === peer,
      takeAwareness: (report, peer) => this.#takeAwareness(report, peer, replica),
      onAbsent: (peer) => this.#lose(peer),
    });
    this.#state = { name: "open", replica, catchUp };
    // The fetched state may lack deletions by a server that has left since: its messages may still
    // be on the way, while the snapshot that it stored already has them.
    if (fetched !== null || this.#recoveryDue) catchUp.recoverSoon();
    if (fetched !== null) {
      const { from, state } = fetched;
      const report = { states: state.awareness, clock: state.awarenessClock };
      this.#takeAwareness(report, from, replica);
      from.confirm(state.epoch);
      from.catchUp(state.epoch, state.sequence);
    }
    for (const message of waiting) this.onMessage(message);
    this.#sendHeartbeat(true);
    this.tick(Date.now());
  }

  /** Adds an update of this server's clients that has become durable. */
  add(update: Uint8Array): void {
    this.#publisher.add(update);
  }

  /** Publishes the changes by this server's clients since the last flush. */
  flush(): void {
    if (!this.active || this.#state.name !== "open") return;
    const { awareness } = this.#state.replica;
    const { clock, version } = awareness;
    const states = awareness.localSince(this.#awarenessVersion);
    this.#awarenessVersion = version;
    if (this.#publisher.publishChanges({ states, clock })) this.#heartbeats.changed(Date.now());
  }

  /** Asks the server that owns a client whether that client is still connected. */
  probe(holder: ServerAddress, client: number): void {
    this.#publisher.publish({ type: "probe", holder, client });
  }

  /** Answers another server's request for the document. The request makes that server a holder. */
  async answer(request: PeerRequest): Promise<PeerAnswer> {
    const peer = this.#meet(request);
    if (this.#state.name === "opening") return { type: "opening" };
    if (this.#state.name === "left") return { type: "absent" };
    const { replica, catchUp } = this.#state;
    // Its messages did not arrive here: the bus is failing on one of the two sides.
    if (peer?.isLagging) catchUp.ask(peer, Date.now());
    const { epoch, sequence } = this.#publisher;
    const { incarnation } = this.#cluster;
    const awareness = replica.awareness.toldTo(peer);
    const awarenessClock = replica.awareness.clock;
    const updates = await replica.difference(request.stateVector);
    const state = { incarnation, epoch, sequence, awareness, awarenessClock, updates };
    return { type: "state", state };
  }

  onMessage(bytes: Uint8Array): void {
    if (this.#state.name === "left") return;
    let message: HolderMessage;
    try {
      message = decodeMessage(bytes);
    } catch (error) {
      this.#logger.warn({ room: this.room, err: error }, "ignored a malformed message on the bus");
      return;
    }
    if (message.sender === this.#cluster.address) {
      this.#checkOwn(message);
    } else if (this.#state.name === "opening") {
      this.#keep(message, bytes);
    } else {
      this.#take(message, this.#state);
    }
  }

  onInterrupted(): void {
    this.#stats.interruptions++;
    this.#askAround();
  }

  /** Performs what is due. Call about once a second. */
  tick(now: number): void {
    if (this.#state.name !== "open") return;
    if (this.#registration.isDue(now)) this.#registerAgain();
    const { catchUp } = this.#state;
    catchUp.tick(now);
    if (this.#heartbeats.isDue(now)) this.#sendHeartbeat(this.#heartbeats.wantsReply);
    if (!this.active) return;
    const exchange = this.#isExchangeDue(now);
    for (const peer of this.#peers.values()) {
      const isSilent = now - peer.heardAt > SILENCE_MS;
      if (peer.isLagging || isSilent || exchange) catchUp.ask(peer, now);
    }
  }

  /**
   * The stores may have content that this server lacks: reads them, retrying until that succeeds.
   */
  recoverSoon(): void {
    if (this.#state.name === "open") this.#state.catchUp.recoverSoon();
    else this.#recoveryDue = true;
  }

  /**
   * A server is known to run as this incarnation; a peer with another incarnation has ended.
   *
   * @returns whether such a peer was removed
   */
  foundRun(address: ServerAddress, incarnation: Incarnation): boolean {
    const peer = this.#peers.get(address);
    if (peer === undefined || peer.isRun(incarnation)) return false;
    this.#logger.info({ room: this.room, holder: address }, "a holder has restarted");
    this.#lose(peer);
    return true;
  }

  /** Whether another holder responds at all. */
  async answers(address: ServerAddress): Promise<boolean> {
    const peer = this.#peers.get(address);
    if (peer === undefined || this.#state.name !== "open") return false;
    const request = this.#request(this.#state.replica.durableVector(), false);
    return (await ask(this.#asker(), peer, request)) !== null;
  }

  /** Evicts dead servers: removes their clients, and reads their last writes from the stores. */
  evict(dead: readonly ServerAddress[]): void {
    for (const address of dead) {
      const peer = this.#peers.get(address);
      if (peer === undefined) continue;
      this.#logger.info({ room: this.room, holder: address }, "evicted a dead holder");
      this.#lose(peer);
    }
  }

  /** Others may have presumed this server dead: registers again, and catches up. */
  rejoin(): void {
    const soon = Date.now() + Math.random() * SPREAD_MS;
    this.#registration.renew(soon);
    // Asks directly: a heartbeat does not reach servers whose bus is down.
    this.#askAllAt = soon;
    this.recoverSoon();
    this.#askAround();
  }

  /**
   * Announces to the other holders and the registry that this server is leaving. Does not reject.
   */
  async leave(): Promise<void> {
    if (this.#state.name === "left") return;
    this.flush();
    if (this.active) this.#publisher.publish({ type: "leaving" });
    const told = this.#isBusSilent(Date.now()) ? this.#tellDirectly() : null;
    this.#state = { name: "left" };
    const release = this.#registration.release().catch((error: unknown) => {
      this.#logger.warn(
        { room: this.room, err: error },
        "could not remove this server from the holders, it stays registered",
      );
    });
    await Promise.all([release, told, this.#subscription?.close()]);
  }

  /**
   * The bus does not deliver the farewell. A holder that is asked, and finds that it is missing messages,
   * asks this server in turn, and learns that it no longer holds the document. Does not reject.
   */
  async #tellDirectly(): Promise<void> {
    // Before that, nothing has been published that anyone could be missing.
    if (this.#state.name !== "open") return;
    const request = this.#request(this.#state.replica.durableVector(), false);
    const asked = Array.from(this.#peers.values(), (peer) => ask(this.#asker(), peer, request));
    await within(FAREWELL_MS, Promise.all(asked));
  }

  async #register(): Promise<void> {
    const { alive, lapsed } = await this.#registration.hold();
    if (this.#state.name === "left") return;
    for (const address of alive) this.#peerAt(address);
    if (lapsed.length > 0) this.recoverSoon();
    this.evict(lapsed);
  }

  #registerAgain(): void {
    this.#register().catch((error: unknown) => {
      this.#logger.debug(
        { room: this.room, err: error },
        "registering as a holder failed, retrying",
      );
    });
  }

  /**
   * Finds other holders without the registry: asks on the bus, and waits for the first response.
   */
  async #discover(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, DISCOVERY_MS);
      this.#heardOfOther = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#publisher.publish({ type: "heartbeat", stateVector: NOTHING, wantsReply: true });
    });
    this.#heardOfOther = undefined;
  }

  /** Keeps a message until the document is open. */
  #keep({ sender, incarnation, body }: HolderMessage, bytes: Uint8Array): void {
    if (this.#state.name !== "opening") return;
    if (body.type !== "leaving") this.#runAt(sender, incarnation);
    this.#heardOfOther?.();
    this.#state.waiting.add(bytes);
  }

  #take(message: HolderMessage, { replica, catchUp }: Open): void {
    const { sender, incarnation, epoch, sequence, body } = message;
    const now = Date.now();
    this.#stats.busIn++;
    const known = this.#peers.get(sender);
    if (known?.doubts(epoch, sequence)) {
      // The updates can be applied in any case: they are durable.
      if (body.type === "changes") for (const update of body.updates) replica.receive(update, now);
      catchUp.ask(known, now);
      return;
    }
    if (body.type === "leaving") {
      if (!known?.isRun(incarnation)) return;
      const isOver = known.isAt(epoch);
      known.hearOf(epoch, sequence, now);
      // This message is late, or an earlier one was lost: the document may be open there again.
      if (!isOver) {
        catchUp.ask(known, now);
        return;
      }
      this.#remove(known);
      if (known.isLagging) this.recoverSoon();
      return;
    }
    const peer = this.#runAt(sender, incarnation);
    const { isLagging } = peer;
    let lacksSomething = false;
    switch (body.type) {
      case "changes":
        if (!body.whole) peer.hearOf(epoch, sequence, now);
        else if (!peer.hear(epoch, sequence, now)) return;
        for (const update of body.updates) replica.receive(update, now);
        this.#takeAwareness(body.awareness, peer, replica);
        break;
      case "heartbeat":
        peer.hearOf(epoch, sequence, now);
        if (body.wantsReply && this.#heartbeats.asked(now)) this.#sendHeartbeat(false);
        lacksSomething = !replica.covers(body.stateVector);
        break;
      case "probe":
        if (body.holder === this.#cluster.address) replica.probe(body.client);
        break;
    }
    if (peer.isLagging && !isLagging) this.#stats.sequenceGaps++;
    if (lacksSomething || peer.isLagging) catchUp.ask(peer, now);
  }

  #takeAwareness(report: AwarenessReport, peer: Peer, replica: Replica): void {
    const states = replica.receivePeerAwareness(report, peer);
    // The peer does not know that this server declared its clients gone. Told so, they announce
    // themselves again.
    const { clock } = replica.awareness;
    if (states.length > 0) this.#publisher.publishChanges({ states, clock });
  }

  #asker(): Asker {
    const { peers } = this.#cluster;
    return { room: this.room, peers, logger: this.#logger, stats: this.#stats };
  }

  #request(stateVector: Uint8Array, isOpening: boolean): PeerRequest {
    const { address: from, incarnation } = this.#cluster;
    const { epoch, sequence } = this.#publisher;
    return { from, incarnation, epoch, sequence, isOpening, stateVector };
  }

  #meet({ from, incarnation, epoch, sequence, isOpening }: PeerRequest): Peer | null {
    if (this.#state.name === "left" || from === this.#cluster.address) return null;
    const before = isOpening ? this.#peers.get(from) : undefined;
    if (before !== undefined) this.#lose(before);
    const peer = this.#runAt(from, incarnation);
    peer.confirm(epoch);
    if (isOpening) peer.catchUp(epoch, 0);
    else peer.hearOf(epoch, sequence, Date.now());
    return peer;
  }

  #runAt(address: ServerAddress, incarnation: Incarnation): Peer {
    this.foundRun(address, incarnation);
    const peer = this.#peerAt(address);
    peer.isRun(incarnation);
    return peer;
  }

  /** Whether the bus reports a problem, or does not bring back what this server publishes. */
  #isBusSilent(now: number): boolean {
    return this.#cluster.bus.problem !== undefined || this.#publisher.echo.isOverdue(now);
  }

  /** Whether the others have to be asked directly, because the bus is down. */
  #isExchangeDue(now: number): boolean {
    const { sequence } = this.#publisher;
    if (now >= this.#askAllAt) {
      this.#askAllAt = Number.POSITIVE_INFINITY;
      return true;
    }
    if (!this.#isBusSilent(now)) return false;
    if (now < this.#exchangeAt && sequence === this.#exchanged) return false;
    this.#exchangeAt = now + EXCHANGE_MS;
    this.#exchanged = sequence;
    return true;
  }

  #peerAt(address: ServerAddress): Peer {
    let peer = this.#peers.get(address);
    if (peer === undefined) {
      peer = new Peer(address, Date.now());
      if (!this.active && this.#state.name === "open") {
        // Changes made while there were no other holders are part of the state that others fetch.
        this.#awarenessVersion = this.#state.replica.awareness.version;
        this.#publisher.skip();
      }
      this.#peers.set(address, peer);
      this.#heartbeats.met(Date.now());
    }
    return peer;
  }

  /**
   * Removes a holder that is gone without a farewell: its last messages may be missing, or may
   * never have been sent. The stores have their content. Comparing state vectors would not be
   * enough: they reveal missing insertions, but not missing deletions.
   */
  #lose(peer: Peer): void {
    this.#remove(peer);
    this.recoverSoon();
  }

  #remove(peer: Peer): void {
    this.#peers.delete(peer.address);
    if (!this.active) this.#publisher.clear();
    if (this.#state.name !== "open") return;
    const { replica } = this.#state;
    if (replica.awareness.removeFromPeer(peer.clients, peer, Date.now()))
      replica.scheduleAwareness();
  }

  /** Messages may have been lost: soon asks the others for their sequence numbers. */
  #askAround(): void {
    this.#heartbeats.by(Date.now() + Math.random() * SPREAD_MS);
    this.#heartbeats.wantsReply = true;
  }

  #sendHeartbeat(wantsReply: boolean): void {
    if (this.#state.name !== "open") return;
    // Otherwise the state vector could cover updates not sent yet, and the others would ask for
    // them.
    this.flush();
    const stateVector = this.#state.replica.durableVector();
    this.#publisher.publish({ type: "heartbeat", stateVector, wantsReply });
    this.#heartbeats.sent(Date.now(), this.active);
  }

  /** Two servers with the same address ignore each other's messages and lose edits. Logged once. */
  #checkOwn({ epoch }: HolderMessage): void {
    if (epoch === this.#publisher.epoch) this.#publisher.echo.came();
    if (epoch === this.#publisher.epoch || Date.now() < this.#doubtAt) return;
    this.#doubtAt = Number.POSITIVE_INFINITY;
    const { address } = this.#cluster;
    this.#logger.error(
      { room: this.room, address },
      "another server uses the same SERVER_ADDRESS; give each server its own",
    );
  }
}

/** The state vector of an empty document. */
const NOTHING = Uint8Array.of(0);
