import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as Y from "yjs";
import { PromptWorkers } from "../support/prompt-workers.ts";
import { type BusFault, SharedStores, SimulatedNetwork, turn } from "./simulated-network.ts";
import { expectSameContent, SimulatedServer } from "./simulated-server.ts";

const workers = new PromptWorkers();
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const BUS_FAULTS: readonly BusFault[] = ["down", "half open", "takes only", "brings only"];
const SERVERS = 3;
const server = fc.nat({ max: SERVERS - 1 });
const simple = (weight: number, name: string) => ({
  weight,
  arbitrary: fc.record({ do: fc.constant(name), server, other: server, at: fc.nat() }),
});
const action = fc.oneof(
  simple(10, "edit"),
  simple(3, "delete"),
  simple(2, "set"),
  simple(2, "move the cursor"),
  simple(8, "commit"),
  simple(8, "flush"),
  simple(8, "deliver"),
  simple(3, "wait"),
  simple(4, "tick"),
  simple(2, "lose a message"),
  simple(4, "start"),
  simple(4, "save"),
  simple(2, "save in the middle of writing"),
  simple(1, "leave"),
  simple(1, "crash"),
  simple(1, "crash, and lapse"),
  simple(2, "acknowledge, and crash"),
  simple(2, "restart"),
  simple(2, "acknowledge, and restart"),
  simple(2, "cut its bus"),
  simple(1, "compare incarnations"),
  simple(3, "lapse, and come back"),
  simple(1, "freeze"),
  simple(1, "thaw"),
  simple(1, "cut the bus"),
  simple(1, "cut the peers"),
  simple(1, "heal"),
);

const steps = fc.array(action, { minLength: 10, maxLength: 150 });

/** Three servers with one client each, and one room. */
class Simulation {
  readonly network = new SimulatedNetwork();
  readonly stores = new SharedStores();
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

  /** Starts a task that other steps may interleave with. */
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

  /** Restarts a server, which notifies those that it reaches. */
  restart(one: SimulatedServer): void {
    one.restart();
    this.network.lapsed.delete(one.address);
    for (const other of this.servers) {
      if (this.network.reaches(one.address, other.address)) this.compareIncarnations(other);
    }
  }

  /** Compares incarnations, as servers do when they check the leases of others. */
  compareIncarnations({ open }: SimulatedServer): void {
    for (const [address, incarnation] of this.network.incarnations) {
      open?.replicator.foundRun(address, incarnation);
    }
  }

  /**
   * Heals everything, except optionally direct connections between servers, or one server's
   * connection to the bus, and lets time pass: less than a holder may be silent if that connection
   * stays broken.
   */
  async settle(peersToo: boolean, withoutBus?: SimulatedServer): Promise<void> {
    this.network.heal(peersToo, withoutBus?.address);
    for (const one of this.servers) this.thaw(one);
    await this.finished();
    await this.at(0).start();
    for (let round = 0; round < 12; round++) {
      vi.setSystemTime(Date.now() + (withoutBus === undefined ? 20_000 : 2_500));
      // Leases are checked repeatedly: messages of a dead server may still have been in transit.
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

  /** A server may receive something new while it is storing; it tries again, as servers do. */
  async leave(): Promise<void> {
    for (let i = 0; i < 3; i++) for (const one of this.servers) await one.leave();
    for (const { open } of this.servers) expect(open).toBeNull();
  }

  /** Whatever crashes now, acknowledged content is stored, with nothing before it missing. */
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

async function perform(
  simulation: Simulation,
  { do: name, server: index, other, at }: StepOf,
): Promise<void> {
  const one = simulation.at(index);
  const { network } = simulation;
  const text = one.client.doc.getText("text");
  switch (name) {
    case "edit":
      if (!one.frozen) text.insert(at % (text.length + 1), String.fromCharCode(97 + (at % 26)));
      break;
    case "delete":
      if (!one.frozen && text.length > 0) text.delete(at % text.length, 1);
      break;
    case "set":
      if (!one.frozen) one.client.doc.getMap("map").set(`key${at % 3}`, at);
      break;
    case "move the cursor":
      if (!one.frozen) one.client.awareness.setLocalStateField("cursor", at);
      break;
    case "commit":
      if (one.isUsable) simulation.begin(one.commit(at % 2 === 0 ? 1 : 0.5));
      break;
    case "flush":
      if (one.isUsable) one.flush();
      break;
    case "deliver":
      network.deliver();
      break;
    case "wait":
      for (let i = 0; i <= at % 4; i++) await turn();
      break;
    case "tick":
      vi.setSystemTime(Date.now() + (at % 10_000));
      if (one.isUsable) one.open?.replicator.tick(Date.now());
      break;
    case "lose a message":
      network.losing++;
      break;
    case "start":
      if (!one.frozen) simulation.begin(one.start());
      break;
    case "save":
      if (one.isUsable) simulation.begin(one.save());
      break;
    case "save in the middle of writing":
      if (!one.isUsable) break;
      text.insert(0, "a");
      await one.commit();
      one.flush();
      for (let i = 0; i < 2; i++) text.insert(0, "b");
      await one.save();
      break;
    case "leave":
      if (one.isUsable) simulation.begin(one.leave());
      break;
    case "crash":
      if (one.isUsable) one.crash();
      break;
    case "crash, and lapse":
      if (!one.isUsable) break;
      one.crash();
      simulation.lapse(one);
      break;
    case "acknowledge, and crash":
      if (!one.isUsable) break;
      await one.commit();
      network.losing++;
      one.flush();
      one.crash();
      if (at % 2 === 0) simulation.lapse(one);
      break;
    case "restart":
      if (one.isUsable) simulation.restart(one);
      break;
    case "acknowledge, and restart":
      if (!one.isUsable) break;
      await one.commit();
      network.losing++;
      one.flush();
      simulation.restart(one);
      break;
    case "cut its bus":
      network.cutBusOf(one.address, BUS_FAULTS[at % BUS_FAULTS.length] ?? "down");
      break;
    case "compare incarnations":
      if (one.isUsable) simulation.compareIncarnations(one);
      break;
    case "lapse, and come back":
      if (!one.isUsable) break;
      simulation.lapse(one);
      network.lapsed.delete(one.address);
      one.open?.replicator.rejoin();
      break;
    case "freeze":
      if (!one.isUsable) break;
      one.frozen = true;
      network.freeze(one.address);
      if (at % 2 === 0) simulation.lapse(one);
      break;
    case "thaw":
      simulation.thaw(one);
      break;
    case "cut the bus":
      network.cut("bus", one.address, simulation.at(other).address);
      break;
    case "cut the peers":
      network.cut("peers", one.address, simulation.at(other).address);
      break;
    case "heal":
      network.heal(true);
      break;
  }
}

/** Expects connected clients to see all connected clients, and no others. */
function expectPresent(connected: readonly SimulatedServer[]): void {
  const present = connected.map(({ client }) => client.doc.clientID).sort();
  for (const { client } of connected) {
    expect([...client.awareness.getStates().keys()].sort()).toEqual(present);
  }
}

interface StepOf {
  readonly do: string;
  readonly server: number;
  readonly other: number;
  readonly at: number;
}

/** Expects all to have the same state in the end, whatever happened. */
async function expectAgreement(
  steps: readonly StepOf[],
  peersToo: boolean,
  withoutBus?: number,
): Promise<void> {
  const simulation = new Simulation();
  await simulation.at(0).start();
  for (const step of steps) {
    await perform(simulation, step);
    await simulation.expectStored();
  }
  const cut = withoutBus === undefined ? undefined : simulation.at(withoutBus);
  await simulation.settle(peersToo, cut);
  const { servers } = simulation;
  const connected = servers.filter(({ client }) => client.isConnected);
  expectSameContent(connected.map(({ client }) => client.doc));
  // Without direct connections, awareness arrives only when clients renew it.
  if (peersToo) expectPresent(connected);
  await simulation.leave();
  await simulation.expectStored();
  expect(simulation.network.overlaps).toEqual([]);
}

describe("the servers that hold a document", () => {
  it("agree in the end, whatever was lost, and have all that was acknowledged", async () => {
    const property = fc.asyncProperty(steps, fc.boolean(), (random, peersToo) =>
      expectAgreement(random, peersToo),
    );
    await fc.assert(property, { numRuns: Number(process.env.RUNS ?? 1_000) });
  });

  it("agree also while one of them does not reach the bus, or is not reached by it", async () => {
    const fault = fc.constantFrom(...BUS_FAULTS);
    const property = fc.asyncProperty(steps, server, fault, async (random, cut, kind) => {
      const last = { do: "cut its bus", server: cut, other: cut, at: BUS_FAULTS.indexOf(kind) };
      await expectAgreement([...random, last], true, cut);
    });
    await fc.assert(property, { numRuns: Number(process.env.RUNS ?? 300) });
  });

  it("agree on who is present when the bus does not bring that somebody was declared gone", async () => {
    const step = (name: string, server: number, at = 0): StepOf => ({
      ...{ do: name, server, other: server, at },
    });
    // The other server is discovered, and then presumed dead while the document is being opened.
    for (let turns = 0; turns < 10; turns++) {
      // The clock known here for its client is ahead of what renewing its state reaches.
      const met = [step("tick", 0, 9_000), step("start", 1)];
      const meeting = Array.from({ length: turns }, () => step("wait", 0));
      const lapse = [step("lapse, and come back", 0), step("cut its bus", 1)];
      await expectAgreement([...met, ...meeting, ...lapse], true, 1);
    }
  });

  it("agree on who is present when the bus is late with what was sent before a server left", async () => {
    const step = (name: string, server: number): StepOf => ({
      do: name,
      server,
      other: server,
      at: 0,
    });
    const writing = step("save in the middle of writing", 0);
    const before = [step("start", 1), step("save", 0), step("edit", 0), writing, step("heal", 0)];
    const left = [step("lose a message", 0), step("leave", 0), writing, step("lose a message", 0)];
    const late = [...before, ...left, step("set", 0), step("set", 0), step("cut its bus", 1)];
    await expectAgreement(late, true, 1);
  });

  it("agree on who is present when a server is back before others hear that it had left", async () => {
    const step = (name: string, server: number, at = 0): StepOf => {
      return { do: name, server, other: server, at };
    };
    const met = [step("start", 1), step("wait", 0, 3), step("wait", 0, 3)];
    // The other server learns by asking that it has left. Its farewell is still in transit.
    const left = [step("leave", 0), step("tick", 1, 1_000), step("freeze", 1, 1)];
    await expectAgreement([...met, ...left, step("cut its bus", 1)], true, 1);

    // Another server, which has opened the document since, never knew of the earlier epoch.
    const shown = [step("move the cursor", 0), step("flush", 0)];
    const opened = [step("start", 1), step("save", 0), ...shown, step("start", 2)];
    const moved = [...opened, step("deliver", 0), step("move the cursor", 0)];
    const last = [step("leave", 0), step("wait", 0), step("commit", 0)];
    const back = [...last, step("cut its bus", 0), step("start", 0)];
    await expectAgreement([...moved, ...back, step("cut its bus", 2)], true, 2);
  });

  it("agree on who is present when a server leaves that does not reach the bus", async () => {
    const step = (name: string, server: number, at = 0): StepOf => {
      return { do: name, server, other: server, at };
    };
    const meeting = Array.from({ length: 12 }, () => step("wait", 0, 3));
    for (const at of BUS_FAULTS.keys()) {
      const met = [step("start", 1), ...meeting, step("flush", 1), step("deliver", 0)];
      const left = [step("cut its bus", 1, at), step("leave", 1), ...meeting];
      await expectAgreement([...met, ...left], true, 2);
    }
  });

  // State vectors do not reveal missing deletions: other mechanisms have to detect their loss.
  describe("agree on a deletion of a server", () => {
    const step = (name: string, server: number, at = 0): StepOf => ({
      do: name,
      server,
      other: server,
      at,
    });
    const enoughTurns = Array.from({ length: 10 }, () => step("wait", 0, 3));
    const deliveries = Array.from({ length: 5 }, () => step("deliver", 0));
    const begun = [
      step("edit", 0),
      step("commit", 0),
      step("flush", 0),
      step("start", 2),
      ...enoughTurns,
      ...deliveries,
      step("delete", 2),
    ];

    it("that left while the bus was late, before another one opened the document", async () => {
      const late = [step("leave", 2), ...enoughTurns, step("start", 1), ...enoughTurns];
      await expectAgreement([...begun, ...late], false);
    });

    it("of which the last messages were lost", async () => {
      const lost = [step("lose a message", 0), step("lose a message", 0), step("leave", 2)];
      await expectAgreement([...begun, ...lost, ...enoughTurns], true);
    });

    it("that crashed before it told of it, and was back without opening the document", async () => {
      // Before its silence is noticed.
      await expectAgreement([...begun, step("acknowledge, and restart", 2)], true, 1);
    });

    it("that does not reach the bus", async () => {
      for (const at of BUS_FAULTS.keys()) {
        const cut = [step("cut its bus", 2, at), ...begun.slice(-1), ...enoughTurns];
        await expectAgreement([...begun.slice(0, -1), ...cut], true, 2);
      }
    });

    it("that crashed before it told of it, and was back soon", async () => {
      const crash = [step("acknowledge, and crash", 2, 1), step("start", 2)];
      await expectAgreement([...begun, ...crash, ...enoughTurns], true);
    });
  });
});
