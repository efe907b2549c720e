import type { Logger } from "pino";
import { within } from "../runtime/within.ts";
import type { Bus, BusListener, Subscription } from "./bus.ts";
import { type Asker, ask, CatchUp } from "./catch-up.ts";
import { HeartbeatSchedule } from "./heartbeat-schedule.ts";
import { decodeMessage, type HolderMessage, type PeerAwareness } from "./message.ts";
import { Peer } from "./peer.ts";
import type { PeerAnswer, PeerRequest, PeerState, Peers } from "./peers.ts";
import { Publisher } from "./publisher.ts";
import { Registration } from "./registration.ts";
import type { Incarnation, Registry, ServerAddress } from "./registry.ts";
import type { Replica } from "./replica.ts";
import type { ReplicationStats } from "./replication-stats.ts";
import { WaitingMessages } from "./waiting-messages.ts";

/** The cluster, as one server sees it. */
export interface Cluster {
  /** At which others reach this server. */
  readonly address: ServerAddress;
  /** Tells others that this is not an earlier run at that address. */
  readonly incarnation: Incarnation;
  readonly bus: Bus;
  readonly registry: Registry;
  readonly peers: Peers;
}

/** What another server had of a document that is being opened. */
export interface Fetched {
  readonly from: Peer;
  readonly state: PeerState;
}

/** A holder that was not heard of for so long is asked whether it still is one. */
const SILENCE_MS = 40_000;
/** While the bus is down, holders ask each other this often; and whoever has changes, at the next tick. */
const EXCHANGE_MS = 1_800;
/** How long holders have to answer on the bus when the registry does not. */
const DISCOVERY_MS = 300;
/** So long messages may come that this server sent when it held the document before. */
const OWN_ECHO_MS = 10_000;
/** How long a server that leaves waits for those whom the bus may not have told. */
const FAREWELL_MS = 1_000;
/** After an interruption all documents have something to do; not all at once. */
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
 * The servers that hold one document, seen from one of them: keeps this one's replica in step with
 * the others'. While there are no others, nothing is published.
 *
 * What goes to another server is durable. So whatever another server has is in the stores too, and
 * whoever missed something can ask either.
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
  /** Up to this version the presence of own clients was published. */
  #awarenessVersion = 0;
  #exchangeAt = 0;
  /** From this time on the others are asked once, whatever the bus does. */
  #askAllAt = Number.POSITIVE_INFINITY;
  /** The number of this server's last message when it last asked the others. */
  #exchanged = 0;
  #recoveryDue = false;
  #heardOfOther: (() => void) | undefined;
  /** From this time on a message from this server's own address is another server's. */
  #doubtAt = Date.now() + OWN_ECHO_MS;

  constructor(room: string, cluster: Cluster, logger: Logger, stats: ReplicationStats) {
    this.room = room;
    this.#cluster = cluster;
    this.#logger = logger;
    this.#stats = stats;
    this.#publisher = new Publisher(cluster, stats);
    this.#registration = new Registration(room, cluster.registry);
  }

  /** Whether other servers hold the document; only then there is something to publish. */
  get active(): boolean {
    return this.#peers.size > 0;
  }

  /** The other servers that hold the document. */
  get others(): ServerAddress[] {
    return [...this.#peers.keys()];
  }

  /** How many of them have something that is known to be missing here. */
  get lagging(): number {
    let lagging = 0;
    for (const peer of this.#peers.values()) if (peer.isLagging) lagging++;
    return lagging;
  }

  /** Whether it is for this server to store snapshots: one of the holders is enough. */
  get isSnapshotLeader(): boolean {
    return this.others.every((other) => this.#cluster.address < other);
  }

  /**
   * Subscribes, then registers: from then on nothing is missed.
   *
   * @throws RegistryError when neither the registry nor the bus works: others could not be found
   */
  async join(): Promise<void> {
    const { bus } = this.#cluster;
    this.#subscription = await bus.subscribe(this.room, this);
    this.#publisher.connect(this.#subscription);
    try {
      await this.#register();
    } catch (error) {
      if (bus.problem !== undefined) throw error;
      this.#logger.warn({ room: this.room, err: error }, "not registered; asking on the bus");
      await this.#discover();
    }
  }

  /**
   * Asks the other holders, one after the other, for the document.
   *
   * @returns what the first one has that answers, else `null`
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
   * The document is open: takes what came meanwhile, and announces this server.
   *
   * @param fetched where the document came from, if not from the stores
   * @param recover takes what the stores have and the replica has not
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
      takeAwareness: (states, peer) => this.#takeAwareness(states, peer, replica),
      letGo: (peer) => this.#lose(peer),
    });
    this.#state = { name: "open", replica, catchUp };
    // The one that was asked may not know yet what a server deleted that has left since: messages take
    // their time, and it stored its snapshot.
    if (fetched !== null || this.#recoveryDue) catchUp.recoverSoon();
    if (fetched !== null) {
      const { from, state } = fetched;
      this.#takeAwareness(state.awareness, from, replica);
      from.confirm(state.epoch);
      from.catchUp(state.epoch, state.sequence);
    }
    for (const message of waiting) this.onMessage(message);
    this.#sendHeartbeat(true);
    this.tick(Date.now());
  }

  /** Takes updates of own clients that have become durable. */
  add(update: Uint8Array): void {
    this.#publisher.add(update);
  }

  /** Publishes what own clients did since the last time. */
  flush(): void {
    if (!this.active || this.#state.name !== "open") return;
    const { awareness } = this.#state.replica;
    const changed = awareness.localSince(this.#awarenessVersion);
    this.#awarenessVersion = awareness.version;
    if (this.#publisher.publishChanges(changed)) this.#heartbeats.changed(Date.now());
  }

  /** Asks the server that vouches for a client whether it is still there. */
  probe(holder: ServerAddress, client: number): void {
    this.#publisher.publish({ type: "probe", holder, client });
  }

  /** Another server asks for the document. By that it has become a holder. */
  async answer(request: PeerRequest): Promise<PeerAnswer> {
    const peer = this.#meet(request);
    if (this.#state.name === "opening") return { type: "opening" };
    if (this.#state.name === "left") return { type: "absent" };
    const { replica, catchUp } = this.#state;
    // What it has published did not come here: its bus does not work, or this server's does not.
    if (peer?.isLagging) catchUp.ask(peer, Date.now());
    const { epoch, sequence } = this.#publisher;
    const { incarnation } = this.#cluster;
    const awareness = replica.awareness.toldTo(peer);
    const updates = await replica.difference(request.stateVector);
    return { type: "state", state: { incarnation, epoch, sequence, awareness, updates } };
  }

  onMessage(bytes: Uint8Array): void {
    let message: HolderMessage;
    try {
      message = decodeMessage(bytes);
    } catch (error) {
      this.#logger.warn({ room: this.room, err: error }, "a message on the bus is not understood");
      return;
    }
    if (message.sender === this.#cluster.address) {
      this.#checkOwn(message);
    } else if (this.#state.name === "left") {
      return;
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

  /** Does what is due. Call it about once a second. */
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

  /** The stores may have something that this server has not: reads them, again until that works. */
  recoverSoon(): void {
    if (this.#state.name === "open") this.#state.catchUp.recoverSoon();
    else this.#recoveryDue = true;
  }

  /** A server runs as this incarnation: any other one that is known of it has ended. */
  foundRun(address: ServerAddress, incarnation: Incarnation): boolean {
    const peer = this.#peers.get(address);
    if (peer === undefined || peer.isRun(incarnation)) return false;
    this.#logger.info({ room: this.room, holder: address }, "a holder was started again");
    this.#lose(peer);
    return true;
  }

  /** Whether another holder answers at all. */
  async answers(address: ServerAddress): Promise<boolean> {
    const peer = this.#peers.get(address);
    if (peer === undefined || this.#state.name !== "open") return false;
    const request = this.#request(this.#state.replica.durableVector(), false);
    return (await ask(this.#asker(), peer, request)) !== null;
  }

  /** These servers are dead: their clients are gone, and what they still wrote is in the stores. */
  evict(dead: readonly ServerAddress[]): void {
    for (const address of dead) {
      const peer = this.#peers.get(address);
      if (peer === undefined) continue;
      this.#logger.info({ room: this.room, holder: address }, "a holder is dead");
      this.#lose(peer);
    }
  }

  /** Others may have taken this server for dead: registers again, and catches up. */
  rejoin(): void {
    const soon = Date.now() + Math.random() * SPREAD_MS;
    this.#registration.renew(soon);
    // Directly: those whose bus does not work are not reached by a beat.
    this.#askAllAt = soon;
    this.recoverSoon();
    this.#askAround();
  }

  /** Tells the others, and the registry. Does not reject. */
  async leave(): Promise<void> {
    if (this.#state.name === "left") return;
    this.flush();
    if (this.active) this.#publisher.publish({ type: "leaving" });
    const others = [...this.#peers.values()];
    const stateVector = this.#state.name === "open" ? this.#state.replica.durableVector() : NOTHING;
    this.#state = { name: "left" };
    await this.#registration.release().catch((error: unknown) => {
      this.#logger.warn({ room: this.room, err: error }, "still registered as a holder");
    });
    if (others.length > 0 && this.#publisher.echo.isAwaited) {
      // The bus has not brought it back. Whoever is asked, and finds that something is missing, asks this
      // server in turn, and is told that it does not hold the document any more.
      const request = this.#request(stateVector, false);
      const asked = Promise.all(others.map((peer) => ask(this.#asker(), peer, request)));
      await within(FAREWELL_MS, asked);
    }
    await this.#subscription?.close();
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
      this.#logger.debug({ room: this.room, err: error }, "still not registered");
    });
  }

  /** Finds other holders without the registry: asks on the bus, and waits for the first answer. */
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

  /** Keeps a message for when the document is open. */
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
      // Content is welcome in any case: it is durable.
      if (body.type === "changes") for (const update of body.updates) replica.receive(update, now);
      catchUp.ask(known, now);
      return;
    }
    if (body.type === "leaving") {
      if (!known?.isRun(incarnation)) return;
      const isOver = known.isAt(epoch);
      known.hearOf(epoch, sequence, now);
      // A message that took its time, or one before it was lost: the document may be open there again.
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

  #takeAwareness(states: readonly PeerAwareness[], peer: Peer, replica: Replica): void {
    const stale = replica.receivePeerAwareness(states, peer);
    // It does not know that its clients were declared gone here; they announce themselves again.
    if (stale.length > 0) this.#publisher.publishChanges(stale);
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

  /** Whether the others have to be asked directly, because the bus does not work. */
  #isExchangeDue(now: number): boolean {
    const { sequence, echo } = this.#publisher;
    if (now >= this.#askAllAt) {
      this.#askAllAt = Number.POSITIVE_INFINITY;
      return true;
    }
    if (this.#cluster.bus.problem === undefined && !echo.isOverdue(now)) return false;
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
        // What own clients did while nobody else was there is in the state that others ask for.
        this.#awarenessVersion = this.#state.replica.awareness.version;
        this.#publisher.skip();
      }
      this.#peers.set(address, peer);
      this.#heartbeats.met(Date.now());
    }
    return peer;
  }

  /**
   * A holder is none any more and did not tell: its last messages may be missing, or not have been
   * sent. The stores have it. State vectors would tell of insertions, but not of deletions.
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

  /** Messages may have been lost: asks the others, soon, how far they are. */
  #askAround(): void {
    this.#heartbeats.by(Date.now() + Math.random() * SPREAD_MS);
    this.#heartbeats.wantsReply = true;
  }

  #sendHeartbeat(wantsReply: boolean): void {
    if (this.#state.name !== "open") return;
    // Else the state vector could name what others are only sent afterwards, and they would ask for it.
    this.flush();
    const stateVector = this.#state.replica.durableVector();
    this.#publisher.publish({ type: "heartbeat", stateVector, wantsReply });
    this.#heartbeats.sent(Date.now(), this.active);
  }

  /** Two servers with one address do not hear each other: they would lose edits. Said once. */
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
