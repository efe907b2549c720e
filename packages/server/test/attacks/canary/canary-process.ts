import * as Y from "yjs";
import { RawClient } from "../../support/raw-client.ts";
import { answerParent } from "./child.ts";

// Two people edit a room. Each edit is timed until it is acknowledged:
// node canary-process.ts <WebSocket URL of the server> <room>

/** How often each person edits, whether or not the previous edit has been acknowledged. */
const EDIT_MS = 40;
const JOIN_MS = 10_000;
/** Upper limit for the acknowledgement of an edit made during the attack. */
const LAST_MS = 30_000;

/** The canary's measurements, in milliseconds. */
export interface CanaryReport {
  /** The time from each edit to its acknowledgement, in ascending order. */
  readonly acknowledged: readonly number[];
  /** How many edits each person has made so far. */
  readonly edits: readonly number[];
  /** Lost connections, lost edits, and invalid messages received. */
  readonly faults: readonly string[];
}

class Person {
  readonly #doc = new Y.Doc();
  readonly #list: Y.Array<number>;
  readonly #client: RawClient;
  /** When the unacknowledged edits were made, oldest first. */
  readonly #pending: { readonly clock: number; readonly at: number }[] = [];
  #samples: number[] = [];
  #edits = 0;
  closed: string | undefined;

  private constructor(name: string, client: RawClient) {
    this.#list = this.#doc.getArray(name);
    this.#client = client;
    void client.closed.then(({ code, reason }) => {
      this.closed = `${name} was disconnected: ${code} ${reason}`;
    });
  }

  static async join(wsUrl: string, room: string, name: string): Promise<Person> {
    let person: Person | undefined;
    const synced = Promise.withResolvers<void>();
    const client = await RawClient.connect(wsUrl, room, {
      keep: false,
      onMessage: (message) => {
        if (message.type === "step2") synced.resolve();
        if (message.type === "update" || message.type === "step2") person?.read(message.update);
      },
    });
    person = new Person(name, client);
    client.sendStep1();
    const refused = client.closed.then(({ code }) => {
      throw new Error(`refused: ${code}`);
    });
    await Promise.race([within(JOIN_MS, synced.promise, "joined"), refused]);
    refused.catch(() => {});
    return person;
  }

  /** Retries like a provider: a server left short of memory by an attack refuses clients for a while. */
  static async joinInTime(wsUrl: string, room: string, name: string): Promise<Person> {
    const until = performance.now() + JOIN_MS;
    for (;;) {
      try {
        return await Person.join(wsUrl, room, name);
      } catch (error) {
        if (performance.now() > until) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  }

  get edits(): number {
    return this.#edits;
  }

  get isAcknowledged(): boolean {
    return this.#pending.length === 0;
  }

  get faults(): string[] {
    return [...this.#client.faults, ...(this.closed === undefined ? [] : [this.closed])];
  }

  edit(): void {
    const before = Y.encodeStateVector(this.#doc);
    this.#list.push([this.#edits++]);
    const clock = Y.getState(this.#doc.store, this.#doc.clientID);
    this.#pending.push({ clock, at: performance.now() });
    this.#client.sendUpdate(Y.encodeStateAsUpdate(this.#doc, before));
  }

  /** Restarts the measurement: only edits from now on count. */
  reset(): void {
    this.#samples = [];
  }

  samples(): number[] {
    return this.#samples;
  }

  read(update: Uint8Array): void {
    const acknowledged = Y.parseUpdateMeta(update).to.get(this.#doc.clientID) ?? 0;
    const now = performance.now();
    for (let first = this.#pending[0]; first !== undefined; first = this.#pending[0]) {
      if (first.clock > acknowledged) return;
      this.#samples.push(now - first.at);
      this.#pending.shift();
    }
  }

  leave(): void {
    this.#client.terminate();
  }
}

const [wsUrl = "", room = ""] = process.argv.slice(2);
const people: Person[] = [];
let timer: NodeJS.Timeout | undefined;

answerParent({
  join: async () => {
    for (const name of ["one", "other"]) people.push(await Person.joinInTime(wsUrl, room, name));
    timer = setInterval(() => {
      for (const person of people) person.edit();
    }, EDIT_MS);
  },
  /** Returns the measurements since the last call. Editing continues. */
  report: async (): Promise<CanaryReport> => {
    const report = reportOf();
    for (const person of people) person.reset();
    return report;
  },
  /** Stops editing, waits until every edit is acknowledged, and reports. */
  stop: async (): Promise<CanaryReport> => {
    clearInterval(timer);
    const until = performance.now() + LAST_MS;
    while (people.some((person) => !person.isAcknowledged && person.closed === undefined)) {
      if (performance.now() > until) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const faults = people.filter((person) => !person.isAcknowledged).map(() => "edits were lost");
    const report = reportOf();
    for (const person of people) person.leave();
    return { ...report, faults: [...report.faults, ...faults] };
  },
});

function reportOf(): CanaryReport {
  return {
    acknowledged: people.flatMap((person) => person.samples()).sort((a, b) => a - b),
    edits: people.map(({ edits }) => edits),
    faults: people.flatMap(({ faults }) => faults),
  };
}

async function within(milliseconds: number, work: Promise<void>, what: string): Promise<void> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`timed out: not ${what}`)), milliseconds).unref();
  });
  await Promise.race([work, late]);
}
