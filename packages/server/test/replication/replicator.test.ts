import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BUS_FAULTS, type BusFault } from "./simulated-network.ts";
import { expectSameContent, type SimulatedServer } from "./simulated-server.ts";
import { Simulation } from "./simulation.ts";
import { anyServer, anySteps, on, perform, type Step } from "./simulation-steps.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Expects every connected client to see all connected clients and nobody else. */
function expectPresent(connected: readonly SimulatedServer[]): void {
  const present = connected.map(({ client }) => client.doc.clientID).sort();
  for (const { client } of connected) {
    expect([...client.awareness.getStates().keys()].sort()).toEqual(present);
  }
}

/** Performs the steps, and expects all servers to agree once everything has recovered. */
async function expectAgreement(
  steps: readonly Step[],
  peersToo: boolean,
  withoutBus?: number,
): Promise<void> {
  const simulation = new Simulation();
  simulation.network.losesFarewells = withoutBus === undefined;
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

const waits = (count: number, turns = 4): Step[] =>
  Array.from({ length: count }, () => ({ do: "wait", turns }));
const cutBus = (server: number, fault: BusFault = "down"): Step => ({
  do: "cut its bus",
  server,
  fault,
});
const DELIVER: Step = { do: "deliver" };
const LOSE: Step = { do: "lose a message" };

describe("servers that hold the same document", () => {
  it("eventually agree, whatever was lost, and have everything that was acknowledged", async () => {
    const property = fc.asyncProperty(anySteps, fc.boolean(), (random, peersToo) =>
      expectAgreement(random, peersToo),
    );
    await fc.assert(property, { numRuns: Number(process.env.RUNS ?? 1_000) });
  });

  it("agree even while one of them cannot send to the bus or receive from it", async () => {
    const fault = fc.constantFrom(...BUS_FAULTS);
    const property = fc.asyncProperty(anySteps, anyServer, fault, async (random, cut, kind) => {
      await expectAgreement([...random, cutBus(cut, kind)], true, cut);
    });
    await fc.assert(property, { numRuns: Number(process.env.RUNS ?? 300) });
  });

  it("agree on awareness when a removal does not arrive over the bus", async () => {
    // While it opens the document, a server meets the other one, which is then declared dead.
    for (let count = 0; count < 10; count++) {
      // Its client is shown here with a higher clock than it reaches by renewing its state.
      const met: Step[] = [{ do: "tick", server: 0, ms: 9_000 }, on(1, "start")];
      const lapse = [on(0, "lapse, and come back"), cutBus(1)];
      await expectAgreement([...met, ...waits(count, 1), ...lapse], true, 1);
    }
  });

  it("agree on awareness when the bus delivers a server's messages after it has left", async () => {
    const edit: Step = { do: "edit", server: 0, at: 0 };
    const set: Step = { do: "set", server: 0, at: 0 };
    const writing = on(0, "save in the middle of writing");
    const before: Step[] = [on(1, "start"), on(0, "save"), edit, writing, { do: "heal" }];
    const left = [LOSE, on(0, "leave"), writing, LOSE];
    await expectAgreement([...before, ...left, set, set, cutBus(1)], true, 1);
  });

  it("agree on awareness when a server returns before others learn that it had left", async () => {
    const met = [on(1, "start"), ...waits(2)];
    // The other one learns by asking that it has left. Its own message is still in transit.
    const left: Step[] = [
      on(0, "leave"),
      { do: "tick", server: 1, ms: 1_000 },
      { do: "freeze", server: 1, lapses: false },
    ];
    await expectAgreement([...met, ...left, cutBus(1)], true, 1);

    // A third server, which opened the document later, knows nothing of what came before.
    const move: Step = { do: "move the cursor", server: 0, at: 0 };
    const opened = [on(1, "start"), on(0, "save"), move, on(0, "flush"), on(2, "start")];
    const last: Step[] = [
      on(0, "leave"),
      { do: "wait", turns: 1 },
      { do: "commit", server: 0, isAll: true },
    ];
    const back = [...last, cutBus(0), on(0, "start")];
    await expectAgreement([...opened, DELIVER, move, ...back, cutBus(2)], true, 2);
  });

  it("agree on awareness when a server leaves that knows its bus to be down", async () => {
    const met = [on(1, "start"), ...waits(12), on(1, "flush"), DELIVER];
    const left = [cutBus(1, "down"), on(1, "leave"), ...waits(12)];
    await expectAgreement([...met, ...left], true, 2);
  });

  it("agree on awareness when a server leaves during another one's interruption of the bus", async () => {
    const met = [
      on(2, "start"),
      ...waits(12),
      on(1, "start"),
      ...waits(12),
      DELIVER,
      on(0, "leave"),
    ];
    const left = [...waits(12), DELIVER, cutBus(1, "down"), on(2, "leave"), ...waits(12)];
    await expectAgreement([...met, ...left], true, 0);
  });

  // State vectors do not reveal missing deletions: other mechanisms have to detect their loss.
  describe("agree on a deletion by a server", () => {
    const enoughTurns = waits(10);
    const met: Step[] = [
      { do: "edit", server: 0, at: 0 },
      { do: "commit", server: 0, isAll: true },
      on(0, "flush"),
      on(2, "start"),
      ...enoughTurns,
      ...Array.from({ length: 5 }, () => DELIVER),
    ];
    const deletion: Step = { do: "delete", server: 2, at: 0 };
    const begun = [...met, deletion];

    it("that left while the bus was late, before another one opened the document", async () => {
      const late = [on(2, "leave"), ...enoughTurns, on(1, "start"), ...enoughTurns];
      await expectAgreement([...begun, ...late], false);
    });

    it("whose last messages were lost", async () => {
      await expectAgreement([...begun, LOSE, LOSE, on(2, "leave"), ...enoughTurns], true);
    });

    it("that crashed before publishing it and restarted without opening the document", async () => {
      // Before the others notice its silence.
      await expectAgreement([...begun, on(2, "acknowledge, and restart")], true, 1);
    });

    it("that has a faulty connection to the bus", async () => {
      for (const fault of BUS_FAULTS) {
        await expectAgreement([...met, cutBus(2, fault), deletion, ...enoughTurns], true, 2);
      }
    });

    it("that crashed before publishing it and soon opened the document again", async () => {
      const crash: Step = { do: "acknowledge, and crash", server: 2, lapses: false };
      await expectAgreement([...begun, crash, on(2, "start"), ...enoughTurns], true);
    });
  });
});
