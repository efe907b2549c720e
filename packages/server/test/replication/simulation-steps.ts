import fc from "fast-check";
import { vi } from "vitest";
import type { CommitOutcome } from "./gated-journal.ts";
import { BUS_FAULTS, type BusFault, turn } from "./simulated-network.ts";
import type { SimulatedClient, SimulatedServer } from "./simulated-server.ts";
import { SERVERS, type Simulation } from "./simulation.ts";

/** One thing that happens in a simulation. Servers are identified by their index. */
export type Step = NetworkStep | ServerStep | ClientStep | HolderStep;

type NetworkStep =
  | { readonly do: "deliver" | "lose a message" | "heal" }
  | { readonly do: "wait"; readonly turns: number }
  | {
      readonly do: "cut the bus" | "cut the peers";
      readonly server: number;
      readonly other: number;
    };

/** What happens to a server whether it has the document open or not. */
type ServerStep =
  | PlainServerStep
  | { readonly do: "tick"; readonly server: number; readonly ms: number }
  | { readonly do: "cut its bus"; readonly server: number; readonly fault: BusFault };

interface PlainServerStep {
  readonly do: "start" | "thaw";
  readonly server: number;
}

/** What the client of a server does while that server is not frozen. */
interface ClientStep {
  readonly do: "edit" | "delete" | "set" | "move the cursor";
  readonly server: number;
  /** The position or the value. Any number. */
  readonly at: number;
}

/** What a server does, or what happens to it, while it has the document open and is not busy. */
type HolderStep =
  | PlainHolderStep
  | { readonly do: "commit"; readonly server: number; readonly isAll: boolean }
  | {
      readonly do: "fail a commit";
      readonly server: number;
      readonly outcome: Exclude<CommitOutcome, "succeeds">;
    }
  | {
      readonly do: "acknowledge, and crash" | "freeze";
      readonly server: number;
      /** Whether the others consider it dead. */
      readonly lapses: boolean;
    };

interface PlainHolderStep {
  readonly do:
    | "flush"
    | "save"
    | "save in the middle of writing"
    | "leave"
    | "crash"
    | "crash, and lapse"
    | "restart"
    | "acknowledge, and restart"
    | "compare incarnations"
    | "lapse, and come back";
  readonly server: number;
}

/**
 * The numbers from which a step is made. Every step draws all of them, so that adding one does not
 * change the others.
 */
interface Draw {
  readonly server: number;
  readonly other: number;
  readonly at: number;
}

const server = fc.nat({ max: SERVERS - 1 });
const draw: fc.Arbitrary<Draw> = fc.record({ server, other: server, at: fc.nat() });

function step(weight: number, make: (draw: Draw) => Step): fc.WeightedArbitrary<Step> {
  return { weight, arbitrary: draw.map(make) };
}

/** A step of a server that has no further parameters. */
export function on(server: number, name: (PlainServerStep | PlainHolderStep)["do"]): Step {
  return { do: name, server };
}

const plain = (weight: number, name: Parameters<typeof on>[1]) =>
  step(weight, ({ server }) => on(server, name));
const edit = (weight: number, name: ClientStep["do"]) =>
  step(weight, ({ server, at }) => ({ do: name, server, at }));
const lapsing = (weight: number, name: "acknowledge, and crash" | "freeze") =>
  step(weight, ({ server, at }) => ({ do: name, server, lapses: at % 2 === 0 }));
const cut = (weight: number, name: "cut the bus" | "cut the peers") =>
  step(weight, ({ server, other }) => ({ do: name, server, other }));

const anyStep = fc.oneof(
  edit(10, "edit"),
  edit(3, "delete"),
  edit(2, "set"),
  edit(2, "move the cursor"),
  step(8, ({ server, at }) => ({ do: "commit", server, isAll: at % 2 === 0 })),
  step(2, ({ server, at }) => {
    return {
      do: "fail a commit",
      server,
      outcome: at % 2 === 0 ? "fails" : "is written but fails",
    };
  }),
  plain(8, "flush"),
  step(8, () => ({ do: "deliver" })),
  step(3, ({ at }) => ({ do: "wait", turns: 1 + (at % 4) })),
  step(4, ({ server, at }) => ({ do: "tick", server, ms: at % 10_000 })),
  step(2, () => ({ do: "lose a message" })),
  plain(4, "start"),
  plain(4, "save"),
  plain(2, "save in the middle of writing"),
  plain(1, "leave"),
  plain(1, "crash"),
  plain(1, "crash, and lapse"),
  lapsing(2, "acknowledge, and crash"),
  plain(2, "restart"),
  plain(2, "acknowledge, and restart"),
  step(2, ({ server, at }) => ({ do: "cut its bus", server, fault: faultOf(at) })),
  plain(1, "compare incarnations"),
  plain(3, "lapse, and come back"),
  lapsing(1, "freeze"),
  plain(1, "thaw"),
  cut(1, "cut the bus"),
  cut(1, "cut the peers"),
  step(1, () => ({ do: "heal" })),
);

function faultOf(at: number): BusFault {
  return BUS_FAULTS[at % BUS_FAULTS.length] ?? "down";
}

export const anySteps: fc.Arbitrary<Step[]> = fc.array(anyStep, { minLength: 10, maxLength: 150 });
export const anyServer: fc.Arbitrary<number> = server;

/** Performs a step if it is possible at the moment. */
export async function perform(simulation: Simulation, step: Step): Promise<void> {
  const { network } = simulation;
  switch (step.do) {
    case "deliver":
      network.deliver();
      break;
    case "lose a message":
      network.losing++;
      break;
    case "heal":
      network.heal(true);
      break;
    case "wait":
      for (let i = 0; i < step.turns; i++) await turn();
      break;
    case "cut the bus":
    case "cut the peers": {
      const kind = step.do === "cut the bus" ? "bus" : "peers";
      const { server, other } = step;
      network.cut(kind, simulation.at(server).address, simulation.at(other).address);
      break;
    }
    case "start":
    case "thaw":
    case "tick":
    case "cut its bus":
      performOnServer(simulation, simulation.at(step.server), step);
      break;
    case "edit":
    case "delete":
    case "set":
    case "move the cursor": {
      const { frozen, client } = simulation.at(step.server);
      if (!frozen) performOnClient(client, step);
      break;
    }
    default: {
      const one = simulation.at(step.server);
      if (one.isUsable) await performOnHolder(simulation, one, step);
    }
  }
}

function performOnServer(simulation: Simulation, one: SimulatedServer, step: ServerStep): void {
  switch (step.do) {
    case "start":
      if (!one.frozen) simulation.begin(one.start());
      break;
    case "thaw":
      simulation.thaw(one);
      break;
    case "tick":
      vi.advanceTimersByTime(step.ms);
      if (one.isUsable) one.open?.replicator.tick(Date.now());
      break;
    case "cut its bus":
      simulation.network.cutBusOf(one.address, step.fault);
      break;
    default:
      step satisfies never;
  }
}

function performOnClient(client: SimulatedClient, { do: name, at }: ClientStep): void {
  const text = client.doc.getText("text");
  switch (name) {
    case "edit":
      text.insert(at % (text.length + 1), String.fromCharCode(97 + (at % 26)));
      break;
    case "delete":
      if (text.length > 0) text.delete(at % text.length, 1);
      break;
    case "set":
      client.doc.getMap("map").set(`key${at % 3}`, at);
      break;
    case "move the cursor":
      client.awareness.setLocalStateField("cursor", at);
      break;
    default:
      name satisfies never;
  }
}

async function performOnHolder(
  simulation: Simulation,
  one: SimulatedServer,
  step: HolderStep,
): Promise<void> {
  const { network } = simulation;
  switch (step.do) {
    case "commit":
      simulation.begin(one.commit(step.isAll));
      break;
    case "fail a commit":
      simulation.begin(one.failCommit(step.outcome));
      break;
    case "flush":
      one.flush();
      break;
    case "save":
      simulation.begin(one.save());
      break;
    case "save in the middle of writing": {
      const text = one.client.doc.getText("text");
      text.insert(0, "a");
      await one.commit();
      one.flush();
      for (let i = 0; i < 2; i++) text.insert(0, "b");
      await one.save();
      break;
    }
    case "leave":
      simulation.begin(one.leave());
      break;
    case "crash":
      one.crash();
      break;
    case "crash, and lapse":
      one.crash();
      simulation.lapse(one);
      break;
    case "acknowledge, and crash":
      await acknowledgeUnheard(simulation, one);
      one.crash();
      if (step.lapses) simulation.lapse(one);
      break;
    case "restart":
      simulation.restart(one);
      break;
    case "acknowledge, and restart":
      await acknowledgeUnheard(simulation, one);
      simulation.restart(one);
      break;
    case "compare incarnations":
      simulation.compareIncarnations(one);
      break;
    case "lapse, and come back":
      simulation.lapse(one);
      network.lapsed.delete(one.address);
      one.open?.replicator.rejoin();
      break;
    case "freeze":
      one.frozen = true;
      network.freeze(one.address);
      if (step.lapses) simulation.lapse(one);
      break;
    default:
      step satisfies never;
  }
}

/** Acknowledges what the client wrote, without the other servers learning of it. */
async function acknowledgeUnheard({ network }: Simulation, one: SimulatedServer): Promise<void> {
  await one.commit();
  network.losing++;
  one.flush();
}
