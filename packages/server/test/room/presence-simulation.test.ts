import fc from "fast-check";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from "y-protocols/awareness";
import * as Y from "yjs";
import type { PeerPresence } from "../../src/replication/message.ts";
import { Peer } from "../../src/replication/peer.ts";
import { Presence } from "../../src/room/presence.ts";
import { PresenceContests } from "../../src/room/presence-contests.ts";
import { type Outlet, Reader } from "../../src/room/reader.ts";
import { decodeFrames } from "../support/frames.ts";

// Clients with real awareness, that behave as providers do but never renew their state, on two servers
// whose messages may be lost. Whatever happened, a few seconds after the last of it everybody who is
// connected is seen by everybody as they are, and nobody else is.

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout", "setImmediate"] });
  vi.setSystemTime(Date.UTC(2026, 10, 27));
});
afterEach(() => {
  vi.useRealTimers();
});

/** As a connection finds out that it is dead. */
const PROBE_MS = 3_000;

class Connection implements Outlet {
  readonly writable = true;
  readonly reader = new Reader(this);
  readonly server: Server;
  /** `null` when nothing comes through any more. */
  client: Client | null;
  #probedAt: number | null = null;

  constructor(server: Server, client: Client) {
    this.server = server;
    this.client = client;
    this.reader.presenceVersion = null;
  }

  get silentFor(): number {
    return this.#probedAt === null ? 0 : Date.now() - this.#probedAt;
  }

  probe(onAlive: () => void): void {
    if (this.client !== null) {
      // The answer takes its time.
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
  presence!: Presence;
  connections!: Set<Connection>;
  /** What the other server has sent and this one has not taken. */
  readonly inbox: (() => void)[] = [];
  losing = 0;
  #contests!: PresenceContests;
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

  /** The end of a connection comes through. */
  detach(connection: Connection): void {
    if (this.connections.delete(connection)) this.presence.remove(connection.reader, Date.now());
  }

  receive(states: Uint8Array, { reader }: Connection): void {
    this.#contests.receive(states, reader, Date.now());
    if (reader.presenceVersion !== null) return;
    reader.presenceVersion = this.presence.version;
    const frame = this.presence.show(reader, Date.now());
    if (frame !== null) reader.outlet.write([frame]);
  }

  flush(): void {
    const { presence } = this;
    for (const { reader } of [...this.connections]) {
      const { presenceVersion } = reader;
      if (presenceVersion === null) continue;
      const news = presence.since(presenceVersion);
      const reminder = presence.reminder(reader, presenceVersion);
      reader.presenceVersion = presence.version;
      if (reminder !== null) reader.outlet.write([reminder]);
      if (news !== null && news.solely !== reader) reader.outlet.write([news.frame]);
    }
    this.#publish(presence.localSince(this.#published));
    this.#published = presence.version;
  }

  deliver(): void {
    for (const take of this.inbox.splice(0)) take();
  }

  /** As servers catch up when they find that messages were lost. */
  exchange(): void {
    const other = this.#other.presence.local();
    const gone = new Set(this.#peer.clients);
    for (const { client } of other) gone.delete(client);
    this.presence.removeFromPeer(gone, this.#peer, Date.now());
    this.#take(other);
  }

  crash(): void {
    for (const { client } of [...this.connections]) client?.lose();
    this.inbox.splice(0);
    // No process starts faster.
    vi.advanceTimersByTime(300);
    this.#begin();
    const other = this.#other;
    other.inbox.push(() => {
      other.presence.removeFromPeer(other.#peer.clients, other.#peer, Date.now());
    });
    this.#take(other.presence.local());
  }

  #begin(): void {
    this.presence = new Presence();
    this.connections = new Set();
    this.#peer = new Peer("other:1", Date.now());
    this.#published = 0;
    this.#contests = new PresenceContests(this.presence, {
      schedule: () => {},
      probe: (_, client) => this.#send((other) => other.#contests.probed(client)),
    });
  }

  #publish(states: readonly PeerPresence[]): void {
    if (states.length === 0) return;
    const sent = states.map((one) => ({ ...one }));
    this.#send((other) => other.#take(sent));
  }

  #take(states: readonly PeerPresence[]): void {
    this.#publish(this.#contests.receiveFromPeer(states, this.#peer));
  }

  #send(take: (other: Server) => void): void {
    const other = this.#other;
    if (this.losing > 0) this.losing--;
    else other.inbox.push(() => take(other));
  }
}

/** As providers do, except that it never renews its state. */
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
    // Clocks tell apart what is further apart than that.
    vi.advanceTimersByTime(120);
    this.connection = server.attach(this);
    this.#send([this.id]);
  }

  /** @param isTold whether the server hears of it */
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

const CLIENTS = 3;
const named = (weight: number, name: string) => ({ weight, arbitrary: fc.constant(name) });
const step = fc.record({
  name: fc.oneof(
    named(10, "connect"),
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
const steps = fc.array(step, { minLength: 10, maxLength: 100, size: "max" });

it("everybody who is connected is seen by everybody, as they are, and nobody else is", () => {
  fc.assert(
    fc.property(steps, fc.nat({ max: CLIENTS }), (steps, absent) => {
      const servers = [new Server("a:1"), new Server("b:1")] as const;
      servers[0].meet(servers[1]);
      servers[1].meet(servers[0]);
      const clients = Array.from({ length: CLIENTS }, (_, i) => new Client(i + 1));
      for (const one of steps) {
        const client = clients[one.client];
        const server = servers[one.server === 0 ? 0 : 1];
        if (client === undefined) continue;
        if (one.name === "connect") client.connect(server);
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
      // Some have come back just now, elsewhere than they were; one may be away.
      for (const client of clients)
        if (client.id !== absent) client.connect(servers[client.id % 2 === 0 ? 0 : 1]);
      // A dead connection of which nobody claims the client is found by the next ping.
      for (const { connections } of servers) {
        for (const one of [...connections]) if (one.client === null) one.server.detach(one);
      }
      for (let round = 0; round < 20; round++) {
        vi.advanceTimersByTime(100);
        for (const server of servers) {
          server.flush();
          server.deliver();
        }
        // Not while messages are under way.
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
    }),
    { numRuns: 150 },
  );
});
