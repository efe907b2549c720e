import { setTimeout as delay } from "node:timers/promises";
import type { Endpoint } from "../client/websocket-client.ts";
import { GeneratorFull } from "./generator-full.ts";
import { inBatches } from "./in-batches.ts";
import { Ledger } from "./ledger.ts";
import { Member } from "./member.ts";
import { shuffled } from "./random.ts";
import { Samples } from "./samples.ts";
import { Schedule } from "./schedule.ts";
import type { Window } from "./window.ts";
import { memberCount, type Workload } from "./workload.ts";

const JOINS_AT_ONCE = 100;
const TICK_MS = 1;
const DRAIN_LIMIT_MS = 30_000;
const DRAIN_STEP_MS = 50;

/** Above this, the workload was not exact, and the generator was measured instead of the server. */
const TOLERATED_LATENESS_MS = 250;

/** Runs a workload against a server and records what comes back. */
export class Load {
  readonly ledger: Ledger;
  readonly #members: readonly Member[];
  readonly #perRoom: number;
  readonly #roomsStayTogether: boolean;
  readonly #schedule: Schedule;
  #timer: NodeJS.Timeout | undefined;
  #startedAt = 0;
  #nextAction = 0;
  #window: Window | undefined;
  #failure: string | undefined;

  private constructor(endpoints: readonly Endpoint[], workload: Workload) {
    this.ledger = new Ledger(workload);
    this.#perRoom = workload.membersPerRoom;
    this.#roomsStayTogether = workload.roomsStayTogether ?? false;
    this.#schedule = new Schedule(workload);
    this.#members = Array.from(
      { length: memberCount(workload) },
      (_, member) =>
        new Member({
          endpoint: this.#endpointOf(endpoints, member),
          workload,
          member,
          ledger: this.ledger,
          failed: (reason) => {
            this.#failure ??= reason;
          },
        }),
    );
  }

  /**
   * Lets all members join; none acts yet. With several endpoints, the members of each room are
   * assigned to them in turn.
   */
  static async join(endpoints: Endpoint | readonly Endpoint[], workload: Workload): Promise<Load> {
    const load = new Load([endpoints].flat(), workload);
    await inBatches(load.#members, JOINS_AT_ONCE, (member) => member.join());
    return load;
  }

  /** Every member types the content of `count` updates, in one update. */
  typeUpdates(count: number): void {
    for (const member of this.#members) member.typeUpdate(count);
  }

  /** Lets members act until `stop`. */
  start(): void {
    this.#startedAt = performance.now();
    this.#act();
  }

  /** Measures for this long. The window is complete after `stop`. */
  async measure(seconds: number): Promise<Window> {
    const window = this.openWindow();
    await delay(seconds * 1000);
    window.to = performance.now();
    return window;
  }

  /** Opens a window, which the caller closes by setting its end. */
  openWindow(): Window {
    this.#window = this.ledger.openWindow(performance.now());
    return this.#window;
  }

  /**
   * Stops the members and waits until all have everything. Throws if anything does not arrive or a
   * connection was lost, and `GeneratorFull` if the workload was not generated exactly.
   */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    const deadline = Date.now() + DRAIN_LIMIT_MS;
    while (this.#failure === undefined && this.ledger.firstMissing() !== undefined) {
      if (Date.now() > deadline) break;
      await delay(DRAIN_STEP_MS);
    }
    const missing = this.#failure ?? this.ledger.firstMissing();
    if (missing !== undefined) throw new Error(missing);
    const lateness = Math.round(this.#window?.worstLateness ?? 0);
    if (lateness > TOLERATED_LATENESS_MS) {
      throw new GeneratorFull(`the load generator was late by up to ${lateness} ms`);
    }
  }

  /** Ends all connections, even during a run. Members keep their documents, and may rejoin. */
  leave(): void {
    clearTimeout(this.#timer);
    for (const member of this.#members) member.leave();
  }

  /**
   * Lets members that left return in shuffled order, evenly spread over `spreadMs`. Resolves once
   * the last one has the server's state, to the milliseconds that each waited for it.
   */
  async rejoin(endpoints: readonly Endpoint[], spreadMs: number): Promise<Samples> {
    const waits = new Samples();
    const order = shuffled(this.#members.length);
    const rejoinInTurn = async (member: number, turn: number): Promise<void> => {
      await delay((turn / order.length) * spreadMs);
      const since = performance.now();
      await this.#members[member]?.rejoin(this.#endpointOf(endpoints, member));
      waits.add(performance.now() - since);
    };
    await Promise.all(order.map(rejoinInTurn));
    return waits;
  }

  /** One member leaves, and returns after `awayMs`. It keeps acting in the meantime. */
  async reconnect(number: number, awayMs: number): Promise<void> {
    const member = this.#members[number];
    member?.leave();
    await delay(awayMs);
    await member?.rejoin();
  }

  #act(): void {
    const elapsed = performance.now() - this.#startedAt;
    const perMs = this.#schedule.actionsPerSecond / 1000;
    const lateness = elapsed - this.#nextAction / perMs;
    const window = this.#window;
    if (window !== undefined && window.to === Number.POSITIVE_INFINITY) {
      window.worstLateness = Math.max(window.worstLateness, lateness);
    }
    for (const due = elapsed * perMs; this.#nextAction <= due; this.#nextAction++) {
      const action = this.#schedule.action(this.#nextAction);
      const member = this.#members[action.member];
      if (action.kind === "update") member?.typeUpdate();
      else member?.changePresence();
    }
    this.#timer = setTimeout(() => this.#act(), TICK_MS);
  }

  #endpointOf(endpoints: readonly Endpoint[], member: number): Endpoint {
    const room = Math.floor(member / this.#perRoom);
    const turn = this.#roomsStayTogether ? room : member % this.#perRoom;
    const endpoint = endpoints[turn % endpoints.length];
    if (endpoint === undefined) throw new Error("a load needs an endpoint");
    return endpoint;
  }
}
