import fc from "fast-check";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from "y-protocols/awareness";
import * as Y from "yjs";
import type { AwarenessReport, PeerAwareness } from "../../src/replication/message.ts";
import { Peer } from "../../src/replication/peer.ts";
import { AwarenessClock } from "../../src/room/awareness/awareness-clock.ts";
import { AwarenessContests } from "../../src/room/awareness/awareness-contests.ts";
import { RoomAwareness } from "../../src/room/awareness/room-awareness.ts";
import { type Sink, Subscriber } from "../../src/room/subscriber.ts";
import { decodeFrames } from "../support/frames.ts";

// Clients with real awareness, which behave like providers but never renew their state, on two
// servers whose messages may be lost. Whatever happens, a few seconds after the last event all
// clients see the current state of every connected client, and of no other.

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout", "setImmediate"] });
  vi.setSystemTime(Date.UTC(2026, 10, 27));
});
afterEach(() => {
  vi.useRealTimers();
});

/** How long it takes to detect that a connection is dead. */
const PROBE_MS = 3_000;

class Connection implements Sink {
  readonly writable = true;
  readonly subscriber = new Subscriber(this);
  readonly server: Server;
  /** `null` once messages no longer get through. */
  client: Client | null;
  #probedAt: number | null = null;

  constructor(server: Server, client: Client) {
    this.server = server;
    this.client = client;
    this.subscriber.awarenessVersion = null;
  }

  get silentFor(): number {
    return this.#probedAt === null ? 0 : Date.now() - this.#probedAt;
  }

  probe(onAlive: () => void): void {
    if (this.client !== null) {
      // The answer is delayed.
      setTimeout(() => this.client !== null && onAlive(), 20);
      return;
    }
    this.#probedAt ??= Date.now();
    setTimeout(() => this.server.detach(this), PROBE_MS);
  }

  check(): boolean {
    return this.client !== null;
  }

  write(frames: readonly Uint8Array[]): void {
    for (const message of decodeFrames(frames)) {
      if (message.type === "presence") this.client?.receive(message.states);
    }
  }

  close(): void {}
}

class Server {
  readonly name: string;
  awareness!: RoomAwareness;
  connections!: Set<Connection>;
  /** Messages from the other server that this one has not processed yet. */
  readonly inbox: (() => void)[] = [];
  losing = 0;
  #contests!: AwarenessContests;
  #peer!: Peer;
  #published = 0;
  #other!: Server;

  constructor(name: string) {
    this.name = name;
    this.#begin();
  }

  meet(other: Server): void {
    this.#other = other;
  }

  attach(client: Client): Connection {
    const connection = new Connection(this, client);
    this.connections.add(connection);
    return connection;
  }

  /** The server learns that a connection has ended. */
  detach(connection: Connection): void {
    if (this.connections.delete(connection))
      this.awareness.remove(connection.subscriber, Date.now());
  }

  receive(states: Uint8Array, { subscriber }: Connection): void {
    this.#contests.receive(states, subscriber, Date.now());
    if (subscriber.awarenessVersion !== null) return;
    subscriber.awarenessVersion = this.awareness.version;
    const frame = this.awareness.show(subscriber, Date.now());
    if (frame !== null) subscriber.sink.write([frame]);
  }

  flush(): void {
    const { awareness } = this;
    for (const { subscriber } of [...this.connections]) {
      const { awarenessVersion } = subscriber;
      if (awarenessVersion === null) continue;
      const news = awareness.since(awarenessVersion);
      const reminder = awareness.reminder(subscriber, awarenessVersion);
      subscriber.awarenessVersion = awareness.version;
      if (reminder !== null) subscriber.sink.write([reminder]);
      if (news !== null && news.solely !== subscriber) subscriber.sink.write([news.frame]);
    }
    this.#publish(awareness.localSince(this.#published));
    this.#published = awareness.version;
  }

  deliver(): void {
    for (const take of this.inbox.splice(0)) take();
  }

  /** Catches up as servers do when they detect lost messages. */
  exchange(): void {
    const report = this.#other.#report();
    const gone = new Set(this.#peer.clients);
    for (const { client } of report.states) gone.delete(client);
    this.awareness.removeFromPeer(gone, this.#peer, Date.now());
    this.#take(report);
  }

  crash(): void {
    for (const { client } of [...this.connections]) client?.lose();
    this.inbox.splice(0);
    this.#other.hearClock(this.awareness.clock);
    // No process starts faster than this.
    vi.advanceTimersByTime(300);
    this.#begin();
    const other = this.#other;
    other.inbox.push(() => {
      other.awareness.removeFromPeer(other.#peer.clients, other.#peer, Date.now());
    });
    this.#take(other.#report());
  }

  /** Servers exchange their clocks within a few milliseconds, independently of other messages. */
  hearClock(clock: number): void {
    this.#take({ states: [], clock });
  }

  #begin(): void {
    this.awareness = new RoomAwareness();
    this.connections = new Set();
    this.#peer = new Peer("other:1", Date.now());
    this.#published = 0;
    this.#contests = new AwarenessContests(this.awareness, {
      schedule: () => {},
      probe: (_, client) => this.#send((other) => other.#contests.probed(client)),
    });
  }

  #publish(states: readonly PeerAwareness[]): void {
    if (states.length === 0) return;
    const report = { states: states.map((one) => ({ ...one })), clock: this.awareness.clock };
    this.#send((other) => other.#take(report));
  }

  #report(): AwarenessReport {
    return { states: this.awareness.local(), clock: this.awareness.clock };
  }

  #take(report: AwarenessReport): void {
    this.#publish(this.#contests.receiveFromPeer(report, this.#peer));
  }

  #send(take: (other: Server) => void): void {
    const other = this.#other;
    if (this.losing > 0) this.losing--;
    else other.inbox.push(() => take(other));
  }
}

/** Behaves like a provider, except that it never renews its state. */
class Client {
  readonly awareness: Awareness;
  connection: Connection | null = null;

  constructor(id: number) {
    const doc = new Y.Doc();
    doc.clientID = id;
    this.awareness = new Awareness(doc);
    clearInterval(this.awareness._checkInterval);
    this.awareness.setLocalState({ name: id, cursor: 0 });
    this.awareness.on("update", (changed: Record<"added" | "updated" | "removed", number[]>) => {
      this.#send([...changed.added, ...changed.updated, ...changed.removed]);
    });
  }

  get id(): number {
    return this.awareness.clientID;
  }

  connect(server: Server): void {
    if (this.connection !== null) return;
    this.connection = server.attach(this);
    this.#send([this.id]);
  }

  /** @param isTold whether the server is notified */
  disconnect(isTold: boolean): void {
    const { connection } = this;
    this.lose();
    if (isTold && connection !== null) connection.server.detach(connection);
  }

  lose(): void {
    if (this.connection !== null) this.connection.client = null;
    this.connection = null;
    for (const id of [...this.awareness.states.keys()]) {
      if (id !== this.id) this.awareness.states.delete(id);
    }
  }

  receive(states: Uint8Array): void {
    applyAwarenessUpdate(this.awareness, states, "server");
  }

  move(cursor: number): void {
    this.awareness.setLocalStateField("cursor", cursor);
  }

  #send(clients: number[]): void {
    if (this.connection === null) return;
    this.connection.server.receive(encodeAwarenessUpdate(this.awareness, clients), this.connection);
  }
}

/** Delivers everything that the servers have to send each other. */
function synchronize(servers: readonly Server[]): void {
  for (const act of ["flush", "deliver", "exchange", "deliver"] as const) {
    for (const server of servers) server[act]();
  }
}

const CLIENTS = 3;
type StepName =
  | "connect"
  | "connect at once"
  | "disconnect"
  | "strand"
  | "move"
  | "flush"
  | "deliver"
  | "lose"
  | "pass"
  | "crash";

interface Step {
  readonly name: StepName;
  /** Index of the client, if the step concerns one. */
  readonly client: number;
  /** Index of the server, if the step concerns one. */
  readonly server: number;
  /** The cursor, or milliseconds. */
  readonly amount: number;
}

/** @param absent the id of a client that is not reconnected at the end, or 0 */
function play(steps: readonly Step[], absent: number): void {
  const servers = [new Server("a:1"), new Server("b:1")] as const;
  servers[0].meet(servers[1]);
  servers[1].meet(servers[0]);
  const clients = Array.from({ length: CLIENTS }, (_, i) => new Client(i + 1));
  for (const one of steps) {
    const client = clients[one.client];
    const server = servers[one.server === 0 ? 0 : 1];
    if (client === undefined) continue;
    if (one.name === "connect" && client.connection === null) {
      // Without messages between the servers, they only agree once time has caught up with the clocks.
      const ahead = Math.max(...servers.map(({ awareness }) => awareness.clock));
      const fresh = () => new AwarenessClock().fresh(Date.now())(undefined);
      while (fresh() <= ahead) vi.advanceTimersByTime(100);
      client.connect(server);
    }
    if (one.name === "connect at once") {
      synchronize(servers);
      client.connect(server);
      synchronize(servers);
    }
    if (one.name === "disconnect") client.disconnect(true);
    if (one.name === "strand") client.disconnect(false);
    if (one.name === "move") client.move(one.amount);
    if (one.name === "flush") server.flush();
    if (one.name === "deliver") server.deliver();
    if (one.name === "lose") server.losing++;
    if (one.name === "pass") vi.advanceTimersByTime(one.amount);
    if (one.name === "crash") server.crash();
  }
  for (const server of servers) server.losing = 0;
  // Some clients have just reconnected to the other server; one may be offline.
  for (const client of clients) {
    synchronize(servers);
    if (client.id !== absent) client.connect(servers[client.id % 2 === 0 ? 0 : 1]);
  }
  // A dead connection whose client no other connection claims is detected by the next ping.
  for (const { connections } of servers) {
    for (const one of [...connections]) if (one.client === null) one.server.detach(one);
  }
  for (let round = 0; round < 20; round++) {
    vi.advanceTimersByTime(100);
    for (const server of servers) {
      server.flush();
      server.deliver();
    }
    // Not while messages are in flight.
    if (round === 5) for (const server of servers) server.exchange();
  }
  const wanted = new Map(
    clients
      .filter(({ connection }) => connection !== null)
      .map(({ id, awareness }) => [id, awareness.getLocalState()]),
  );
  for (const client of clients) {
    if (client.connection === null) continue;
    const seen = new Map([...client.awareness.getStates()].sort(([a], [b]) => a - b));
    expect(seen).toEqual(wanted);
  }
  for (const { awareness } of clients) awareness.destroy();
  vi.clearAllTimers();
}

const named = (weight: number, name: StepName) => ({ weight, arbitrary: fc.constant(name) });
const anyStep = fc.record({
  name: fc.oneof<fc.WeightedArbitrary<StepName>[]>(
    named(5, "connect"),
    named(5, "connect at once"),
    named(3, "disconnect"),
    named(3, "strand"),
    named(8, "move"),
    named(10, "flush"),
    named(10, "deliver"),
    named(1, "lose"),
    named(4, "pass"),
    named(1, "crash"),
  ),
  client: fc.nat({ max: CLIENTS - 1 }),
  server: fc.nat({ max: 1 }),
  amount: fc.integer({ min: 1, max: 1_000 }),
});
const steps = fc.array(anyStep, { minLength: 10, maxLength: 100, size: "max" });

it("every client sees the current state of all connected clients and of nobody else", () => {
  fc.assert(
    fc.property(steps, fc.nat({ max: CLIENTS }), (steps, absent) => {
      play(steps, absent);
    }),
    { numRuns: 1_000 },
  );
});

const step = (name: StepName, client: number, server: number, amount = 1): Step => {
  return { name, client, server, amount };
};

it("a client that reconnects to another server right away sees the same clients there", () => {
  const joined = [step("connect", 1, 1), step("connect at once", 0, 0)];
  play([...joined, step("move", 0, 0), step("strand", 0, 0)], 0);
});

it("a claim is not granted once its claimant has published a newer state", () => {
  const claimed = [step("connect at once", 0, 1), step("strand", 0, 1), step("connect", 0, 0)];
  const granted = [step("pass", 0, 0, 701), step("connect at once", 0, 0)];
  const moved = [step("pass", 0, 0, 500), step("move", 0, 0), step("move", 0, 0)];
  play([...claimed, ...granted, ...moved, step("deliver", 0, 0)], 0);
});
