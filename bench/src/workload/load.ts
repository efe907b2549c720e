import { setTimeout as delay } from "node:timers/promises";
import type { Endpoint } from "../client/websocket-client.ts";
import { Disturbed } from "./disturbed.ts";
import { inBatches } from "./in-batches.ts";
import { Ledger } from "./ledger.ts";
import { Member } from "./member.ts";
import { Schedule } from "./schedule.ts";
import type { Window } from "./window.ts";
import { memberCount, type Workload } from "./workload.ts";

const JOINS_AT_ONCE = 100;
const TICK_MS = 1;
const DRAIN_LIMIT_MS = 30_000;
const DRAIN_STEP_MS = 50;

/** Above this the workload was not the exact one, and the generator is what was measured. */
const TOLERATED_LATENESS_MS = 250;

/** Offers a workload to a server and keeps account of what comes back. */
export class Load {
  readonly ledger: Ledger;
  readonly #members: readonly Member[];
  readonly #schedule: Schedule;
  #timer: NodeJS.Timeout | undefined;
  #startedAt = 0;
  #nextAction = 0;
  #window: Window | undefined;
  #failure: string | undefined;

  private constructor(endpoint: Endpoint, workload: Workload) {
    this.ledger = new Ledger(workload);
    this.#schedule = new Schedule(workload);
    this.#members = Array.from(
      { length: memberCount(workload) },
      (_, member) =>
        new Member({
          endpoint,
          workload,
          member,
          ledger: this.ledger,
          failed: (reason) => {
            this.#failure ??= reason;
          },
        }),
    );
  }

  /** All members join; none acts yet. */
  static async join(endpoint: Endpoint, workload: Workload): Promise<Load> {
    const load = new Load(endpoint, workload);
    await inBatches(load.#members, JOINS_AT_ONCE, (member) => member.join());
    return load;
  }

  /** Members begin to act, until `stop`. */
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

  /** A window that the caller closes by setting its end. */
  openWindow(): Window {
    this.#window = this.ledger.openWindow(performance.now());
    return this.#window;
  }

  /**
   * Members stop acting and wait until everyone has everything. Throws when something does not
   * arrive or a connection was lost, and `Disturbed` when the exact workload was not offered.
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
      throw new Disturbed(`the load generator was late by up to ${lateness} ms`);
    }
  }

  /** Ends all connections, also in the middle of a run. */
  leave(): void {
    clearTimeout(this.#timer);
    for (const member of this.#members) member.leave();
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
}
