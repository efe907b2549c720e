import type { Logger } from "pino";
import type { ClusterStats } from "../metrics/stats.ts";
import type { Bus, BusListener, Subscription } from "./bus.ts";
import { type Asker, ask, CatchUp } from "./catch-up.ts";
import { decodeMessage, type HolderMessage, type PeerPresence } from "./message.ts";
import { Peer } from "./peer.ts";
import type { PeerAnswer, PeerRequest, PeerState, Peers } from "./peers.ts";
import { Publisher } from "./publisher.ts";
import type { Registry, ServerAddress } from "./registry.ts";
import type { Replica } from "./replica.ts";

/** The cluster, as one server sees it. */
export interface Cluster {
  /** At which others reach this server. */
  readonly address: ServerAddress;
  readonly bus: Bus;
  readonly registry: Registry;
  readonly peers: Peers;
}

/** What another server had of a document that is being opened. */
export interface Fetched {
  readonly from: Peer;
  readonly state: PeerState;
}

/** What may wait while the document is being opened; what is dropped shows as a gap later. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** So long after the last message its number is told again: the next one would have shown its loss. */
const CONFIRM_MS = 1_000;
const BEAT_MS = 15_000;
const MIN_BEAT_MS = 200;
/** A holder that was not heard of for so long is asked whether it still is one. */
const SILENCE_MS = 40_000;
/** While the bus is down, holders ask each other this often. */
const EXCHANGE_MS = 2_000;
/** How long holders have to answer on the bus when the registry does not. */
const DISCOVERY_MS = 300;
/** So long messages may come that this server sent when it held the document before. */
const OWN_ECHO_MS = 10_000;
/** After an interruption all documents have something to do; not all at once. */
const SPREAD_MS = 2_000;

interface Open {
  readonly name: "open";
  readonly replica: Replica;
  readonly catchUp: CatchUp;
}

type State =
  | { readonly name: "opening"; waiting: Uint8Array[]; waitingBytes: number }
  | Open
  | { readonly name: "left" };

/**
 * The servers that hold one document, seen from one of them: keeps this one's replica in step with
 * the others'. While there are no others, nothing is published.
 *
 * What goes to another server is durable. So whatever another server has is in the stores too, and
 * whoever missed something can ask either.
 */
export class Holders implements BusListener {
  readonly room: string;
  readonly #cluster: Cluster;
  readonly #logger: Logger;
  readonly #stats: ClusterStats;
  readonly #publisher: Publisher;
  readonly #peers: Map<ServerAddress, Peer> = new Map();
  #state: State = { name: "opening", waiting: [], waitingBytes: 0 };
  #subscription: Subscription | undefined;
  #registration: "none" | "running" | "done" = "none";
  #registerAt = 0;
  /** Up to this version the presence of own clients was published. */
  #presenceVersion = 0;
  #beatAt = Number.POSITIVE_INFINITY;
  #confirmAt = Number.POSITIVE_INFINITY;
  #beatenAt = 0;
  #wantsReply = false;
  #exchangeAt = 0;
  #recoveryDue = false;
  #heardOfOther: (() => void) | undefined;
  /** From this time on a message from this server's own address is another server's. */
  #doubtAt = Date.now() + OWN_ECHO_MS;

  constructor(room: string, cluster: Cluster, logger: Logger, stats: ClusterStats) {
    this.room = room;
    this.#cluster = cluster;
    this.#logger = logger;
    this.#stats = stats;
    this.#publisher = new Publisher(cluster.address, stats);
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
  get behind(): number {
    let behind = 0;
    for (const peer of this.#peers.values()) if (peer.isBehind) behind++;
    return behind;
  }

  /** Whether it is for this server to store snapshots: one of the holders is enough. */
  get isKeeper(): boolean {
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
      if (answer?.type === "state") return { from: peer, state: answer.state };
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
      takePresence: (states, peer) => this.#takePresence(states, peer, replica),
      letGo: (peer) => this.#letGo(peer),
    });
    this.#state = { name: "open", replica, catchUp };
    if (this.#recoveryDue) catchUp.recoverSoon();
    if (fetched !== null) {
      const { from, state } = fetched;
      replica.presence.receiveFromPeer(state.presence, from, Date.now());
      from.catchUp(state.epoch, state.sequence);
    }
    for (const message of waiting) this.onMessage(message);
    this.#beat(true);
    this.tick(Date.now());
  }

  /** Takes updates of own clients that have become durable. */
  add(update: Uint8Array): void {
    this.#publisher.add(update);
  }

  /** Publishes what own clients did since the last time. */
  flush(): void {
    if (!this.active || this.#state.name !== "open") return;
    const { presence } = this.#state.replica;
    const changed = presence.localSince(this.#presenceVersion);
    this.#presenceVersion = presence.version;
    if (this.#publisher.publishChanges(changed)) this.#confirmAt = Date.now() + CONFIRM_MS;
  }

  /** Asks the server that vouches for a client whether it is still there. */
  probe(holder: ServerAddress, client: number): void {
    this.#publisher.publish({ type: "probe", holder, client });
  }

  /** Another server asks for the document. By that it has become a holder. */
  async answer(request: PeerRequest): Promise<PeerAnswer> {
    this.#meet(request);
    if (this.#state.name === "opening") return { type: "opening" };
    if (this.#state.name === "left") return { type: "absent" };
    const { replica } = this.#state;
    const { epoch, sequence } = this.#publisher;
    const presence = replica.presence.local();
    const updates = await replica.difference(request.stateVector);
    return { type: "state", state: { epoch, sequence, presence, updates } };
  }

  onMessage(bytes: Uint8Array): void {
    if (this.#state.name === "left") return;
    let message: HolderMessage;
    try {
      message = decodeMessage(bytes);
    } catch (error) {
      this.#logger.warn({ room: this.room, err: error }, "a message on the bus is not understood");
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

  /** Does what is due. Call it about once a second. */
  tick(now: number): void {
    if (this.#state.name !== "open") return;
    if (this.#registration === "none" && now >= this.#registerAt) this.#registerAgain();
    const { catchUp } = this.#state;
    catchUp.tick();
    if (now >= this.#beatAt || now >= this.#confirmAt) this.#beat(this.#wantsReply);
    if (!this.active) return;
    const exchange = this.#cluster.bus.problem !== undefined && now >= this.#exchangeAt;
    if (exchange) this.#exchangeAt = now + EXCHANGE_MS;
    for (const peer of this.#peers.values()) {
      const isSilent = now - peer.heardAt > SILENCE_MS;
      if (peer.isBehind || isSilent || exchange) catchUp.ask(peer, now);
    }
  }

  /** The stores may have something that this server has not: reads them, again until that works. */
  recoverSoon(): void {
    if (this.#state.name === "open") this.#state.catchUp.recoverSoon();
    else this.#recoveryDue = true;
  }

  /** These servers are dead: their clients are gone, and what they still wrote is in the stores. */
  bury(dead: readonly ServerAddress[]): void {
    for (const address of dead) {
      const peer = this.#peers.get(address);
      if (peer === undefined) continue;
      this.#logger.info({ room: this.room, holder: address }, "a holder is dead");
      this.#remove(peer);
      this.recoverSoon();
    }
  }

  /** Others may have taken this server for dead: registers again, and catches up. */
  rejoin(): void {
    this.#registration = "none";
    this.#registerAt = Date.now() + Math.random() * SPREAD_MS;
    this.recoverSoon();
    this.#askAround();
  }

  /** Tells the others, and the registry. Does not reject. */
  async leave(): Promise<void> {
    if (this.#state.name === "left") return;
    this.flush();
    if (this.active) this.#publisher.publish({ type: "leaving" });
    this.#state = { name: "left" };
    const release = this.#cluster.registry.release(this.room).catch((error: unknown) => {
      this.#logger.warn({ room: this.room, err: error }, "still registered as a holder");
    });
    await Promise.all([release, this.#subscription?.close()]);
  }

  async #register(): Promise<void> {
    this.#registration = "running";
    try {
      const { alive, lapsed } = await this.#cluster.registry.hold(this.room);
      this.#registration = "done";
      for (const address of alive) this.#peerAt(address);
      if (lapsed.length > 0) this.recoverSoon();
      this.bury(lapsed);
    } catch (error) {
      this.#registration = "none";
      throw error;
    }
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
      this.#publisher.publish({ type: "beat", stateVector: NOTHING, wantsReply: true });
    });
    this.#heardOfOther = undefined;
  }

  /** Keeps a message for when the document is open. */
  #keep({ sender, body }: HolderMessage, bytes: Uint8Array): void {
    if (this.#state.name !== "opening") return;
    if (body.type !== "leaving") this.#peerAt(sender);
    this.#heardOfOther?.();
    if (this.#state.waitingBytes + bytes.length > MAX_WAITING_BYTES) return;
    this.#state.waiting.push(bytes.slice());
    this.#state.waitingBytes += bytes.length;
  }

  #take({ sender, epoch, sequence, body }: HolderMessage, { replica, catchUp }: Open): void {
    const now = Date.now();
    this.#stats.busIn++;
    if (body.type === "leaving") {
      const peer = this.#peers.get(sender);
      peer?.hearOf(epoch, sequence, now);
      if (peer !== undefined) this.#letGo(peer);
      return;
    }
    const peer = this.#peerAt(sender);
    const { isBehind } = peer;
    let lacksSomething = false;
    switch (body.type) {
      case "changes":
        if (!body.whole) peer.hearOf(epoch, sequence, now);
        else if (!peer.hear(epoch, sequence, now)) return;
        for (const update of body.updates) replica.receive(update, now);
        this.#takePresence(body.presence, peer, replica);
        break;
      case "beat":
        peer.hearOf(epoch, sequence, now);
        if (body.wantsReply) this.#reply(now);
        lacksSomething = !replica.covers(body.stateVector);
        break;
      case "probe":
        if (body.holder === this.#cluster.address) replica.probe(body.client);
        break;
    }
    if (peer.isBehind && !isBehind) this.#stats.gaps++;
    if (lacksSomething || peer.isBehind) catchUp.ask(peer, now);
  }

  #takePresence(states: readonly PeerPresence[], peer: Peer, replica: Replica): void {
    const { presence } = replica;
    const { version } = presence;
    const stale = presence.receiveFromPeer(states, peer, Date.now());
    if (presence.version !== version) replica.schedulePresence();
    // It does not know that its clients were declared gone here; they announce themselves again.
    if (stale.length > 0) this.#publisher.publishChanges(stale);
  }

  #asker(): Asker {
    const { peers } = this.#cluster;
    return { room: this.room, peers, logger: this.#logger, stats: this.#stats };
  }

  #request(stateVector: Uint8Array, isOpening: boolean): PeerRequest {
    return { from: this.#cluster.address, epoch: this.#publisher.epoch, isOpening, stateVector };
  }

  #meet({ from, epoch, isOpening }: PeerRequest): void {
    if (this.#state.name === "left" || from === this.#cluster.address) return;
    if (isOpening) {
      const before = this.#peers.get(from);
      if (before !== undefined) this.#remove(before);
    }
    const peer = this.#peerAt(from);
    if (isOpening) peer.catchUp(epoch, 0);
  }

  #peerAt(address: ServerAddress): Peer {
    let peer = this.#peers.get(address);
    if (peer === undefined) {
      peer = new Peer(address, Date.now());
      if (!this.active && this.#state.name === "open") {
        // What own clients did while nobody else was there is in the state that others ask for.
        this.#presenceVersion = this.#state.replica.presence.version;
        this.#publisher.skip();
      }
      this.#peers.set(address, peer);
      this.#beatWithin(CONFIRM_MS);
    }
    return peer;
  }

  /** A holder let the document go; what was missed of it is in the stores. */
  #letGo(peer: Peer): void {
    this.#remove(peer);
    if (peer.isBehind) this.recoverSoon();
  }

  #remove(peer: Peer): void {
    this.#peers.delete(peer.address);
    if (!this.active) this.#publisher.clear();
    if (this.#state.name !== "open") return;
    const { replica } = this.#state;
    if (replica.presence.removeFromPeer(peer.clients, peer, Date.now())) replica.schedulePresence();
  }

  /** Tells that this server is here; not more often than makes sense, whoever asks. */
  #reply(now: number): void {
    if (now - this.#beatenAt > MIN_BEAT_MS) this.#beat(false);
    else this.#beatWithin(MIN_BEAT_MS);
  }

  /** Messages may have been lost: asks the others, soon, how far they are. */
  #askAround(): void {
    this.#beatWithin(Math.random() * SPREAD_MS);
    this.#wantsReply = true;
  }

  #beat(wantsReply: boolean): void {
    if (this.#state.name !== "open") return;
    // Else the state vector could name what others are only sent afterwards, and they would ask for it.
    this.flush();
    const stateVector = this.#state.replica.durableVector();
    this.#publisher.publish({ type: "beat", stateVector, wantsReply });
    this.#wantsReply = false;
    this.#beatenAt = Date.now();
    this.#beatAt = Number.POSITIVE_INFINITY;
    this.#confirmAt = Number.POSITIVE_INFINITY;
    if (this.active) this.#beatWithin(BEAT_MS * (0.5 + Math.random() / 2));
  }

  #beatWithin(ms: number): void {
    this.#beatAt = Math.min(this.#beatAt, Date.now() + ms);
  }

  /** Two servers with one address do not hear each other: they would lose edits. Said once. */
  #checkOwn({ epoch }: HolderMessage): void {
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
