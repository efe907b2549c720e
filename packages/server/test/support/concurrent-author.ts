import * as Y from "yjs";
import type { Session13 } from "./providers.ts";
import { applyPatch, type ConcurrentTrace, isWide, type Patch } from "./traces.ts";

/** One transaction of an author, and how many of the other author's they had seen by then. */
interface Step {
  readonly patches: readonly Patch[];
  readonly seen: number;
}

const REMOTE = "the other author";

/**
 * One of the two people of a concurrent recording. Each of their transactions must be made on the
 * document that its parents define: all of the author's earlier ones, and exactly the first `seen`
 * ones of the other. A live connection delivers the other's at any time, so:
 *
 * - The author writes into a document of their own (the page), not into the provider's (the wire).
 * - A transaction is made as soon as the page has the required number of the other's.
 * - It goes onto the wire as soon as the other has made everything that comes before it: all of the
 *   other's transactions that have seen less. So it may arrive at any time without being too early,
 *   and whatever arrives on the wire goes onto the page immediately. Only the network latency differs.
 *
 * So both people write concurrently wherever they did so in the recording. Neither can wait forever,
 * because whatever a transaction waits for has seen less than the transaction itself.
 *
 * A map, incremented by every transaction, shows how many of the other's the page has. The length of the
 * text would not, because some transactions only delete.
 */
export class ConcurrentAuthor {
  readonly #steps: readonly Step[];
  readonly #name: string;
  readonly #wide: boolean;
  readonly #wire: Y.Doc;
  readonly #page = new Y.Doc();
  readonly #text = this.#page.getText("text");
  readonly #counts = this.#page.getMap<number>("counts");
  #made = 0;
  /** Updates of transactions that have been made but may not go onto the wire yet. */
  #held: Uint8Array[] = [];
  #sent = 0;

  constructor(
    name: string,
    clientId: number,
    recording: { readonly steps: readonly Step[]; readonly wide: boolean },
    session: Session13,
  ) {
    this.#name = name;
    this.#steps = recording.steps;
    this.#wide = recording.wide;
    this.#page.clientID = clientId;
    this.#wire = session.doc;
    this.#page.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin !== REMOTE) this.#held.push(update);
    });
    this.#wire.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin !== this) Y.applyUpdate(this.#page, update, REMOTE);
    });
  }

  get made(): number {
    return this.#made;
  }

  get isDone(): boolean {
    return this.#made === this.#steps.length && this.#held.length === 0;
  }

  get page(): string {
    return this.#text.toString();
  }

  /** Makes and sends whatever is possible now, at most `limit` transactions of each. */
  work(other: ConcurrentAuthor, limit: number): void {
    this.#make(other, limit);
    this.#send(other, limit);
  }

  #make(other: ConcurrentAuthor, limit: number): void {
    const arrived = this.#counts.get(other.#name) ?? 0;
    for (let i = 0; i < limit; i++) {
      const step = this.#steps[this.#made];
      if (step === undefined || step.seen > arrived) return;
      if (step.seen < arrived)
        throw new Error(`${this.#name} received transaction ${arrived} too early`);
      this.#made++;
      this.#page.transact(() => {
        for (const patch of step.patches) applyPatch(this.#text, patch, this.#wide);
        this.#counts.set(this.#name, this.#made);
      });
    }
  }

  #send(other: ConcurrentAuthor, limit: number): void {
    for (let i = 0; i < limit; i++) {
      const update = this.#held[0];
      if (update === undefined) return;
      const next = other.#steps[other.#made];
      // The one after `sent` goes onto the wire once the other has nothing left to write without it.
      if (next !== undefined && next.seen <= this.#sent) return;
      this.#held.shift();
      this.#sent++;
      Y.applyUpdate(this.#wire, update, this);
    }
  }
}

/**
 * The two authors of a recording, each with a provider.
 *
 * @throws Error unless the recording has two authors who each see ever more of the other's transactions
 */
export function castOf(
  trace: ConcurrentTrace,
  first: Session13,
  second: Session13,
): [ConcurrentAuthor, ConcurrentAuthor] {
  if (trace.numAgents !== 2) throw new Error("the recording does not have two authors");
  const steps: [Step[], Step[]] = [[], []];
  /** Per transaction, how many transactions of each author it and its ancestors comprise. */
  const known: [number, number][] = [];
  for (const { parents, agent, patches } of trace.txns) {
    const version: [number, number] = [0, 0];
    for (const parent of parents) {
      const [a, b] = known[parent] ?? [0, 0];
      version[0] = Math.max(version[0], a);
      version[1] = Math.max(version[1], b);
    }
    const own = agent === 0 ? 0 : 1;
    const seen = version[1 - own] ?? 0;
    if (version[own] !== steps[own].length || seen < (steps[own].at(-1)?.seen ?? 0)) {
      throw new Error("an author sees less than before");
    }
    steps[own].push({ patches, seen });
    version[own]++;
    known.push(version);
  }
  const wide = isWide(trace.txns.flatMap(({ patches }) => patches));
  const [low, high] = orderedClientIds();
  return [
    new ConcurrentAuthor("first", low, { steps: steps[0], wide }, first),
    new ConcurrentAuthor("second", high, { steps: steps[1], wide }, second),
  ];
}

/**
 * Where both wrote next to the same deleted text, they inserted at the same place, and Yjs puts the lower
 * client id first. The recording put the first author first.
 */
function orderedClientIds(): [number, number] {
  const [one, other] = [new Y.Doc().clientID, new Y.Doc().clientID];
  return one < other ? [one, other] : [other, one];
}
