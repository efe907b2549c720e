import { Subscriber } from "../subscriber.ts";
import type { AwarenessOwner } from "./awareness-table.ts";

/** How long an owner has to answer before its client passes to the claimant. */
const ANSWER_MS = 700;
/** How long after asking an owner about a claim it may be asked about the same claim again. */
const ASK_AGAIN_MS = 5_000;
/** How often the wait for a remote owner is extended when its server sends changes of the client. */
const MAX_EXTENSIONS = 3;

/** The state that a claimant sent for a client that belongs to another owner. */
export interface Claim {
  readonly client: number;
  readonly clock: number;
  readonly state: Uint8Array;
  readonly claimant: AwarenessOwner;
  /** When the client passes to the claimant; `Infinity` once the owner has answered. */
  readonly dueAt: number;
  readonly askedAt: number;
  readonly extensions: number;
}

const NEVER = Number.POSITIVE_INFINITY;

/**
 * The latest claim to each client id that belongs to another owner. It is granted if the owner turns out
 * to be dead, or leaves. A connection claims at most one id, its own.
 */
export class Claims {
  readonly #byClient: Map<number, Claim> = new Map();

  /** When the next claim is due; `Infinity` if none is. */
  get dueAt(): number {
    let due = NEVER;
    for (const claim of this.#byClient.values()) due = Math.min(due, claim.dueAt);
    return due;
  }

  /** Records a claim. @returns whether to ask the owner if it is alive */
  add(claim: Pick<Claim, "client" | "clock" | "state" | "claimant">, now: number): boolean {
    const before = this.#byClient.get(claim.client);
    const isSame = before?.claimant === claim.claimant;
    const isAsked = before !== undefined && isSame && now - before.askedAt < ASK_AGAIN_MS;
    if (claim.claimant instanceof Subscriber) claim.claimant.claim = claim.client;
    const asked = { askedAt: now, dueAt: now + ANSWER_MS, extensions: 0 };
    this.#byClient.set(claim.client, { ...(isAsked ? before : asked), ...claim });
    return !isAsked;
  }

  /** The owner is alive: the claim waits until it leaves. */
  refuse(client: number): void {
    const claim = this.#byClient.get(client);
    if (claim !== undefined) this.#byClient.set(client, { ...claim, dueAt: NEVER });
  }

  /**
   * The owner's server is alive, so wait longer for the owner: the change from there may have been sent
   * before that server learned of the claim.
   */
  extend(client: number, now: number): void {
    const claim = this.#byClient.get(client);
    if (claim === undefined || claim.dueAt === NEVER) return;
    const extensions = claim.extensions + 1;
    const dueAt = extensions > MAX_EXTENSIONS ? NEVER : now + ANSWER_MS;
    this.#byClient.set(client, { ...claim, dueAt, extensions });
  }

  of(client: number): Claim | undefined {
    return this.#byClient.get(client);
  }

  take(client: number): Claim | undefined {
    const claim = this.#byClient.get(client);
    if (claim === undefined) return undefined;
    this.#byClient.delete(client);
    release(claim);
    return claim;
  }

  due(now: number): Claim[] {
    return [...this.#byClient.values()].filter(({ dueAt }) => dueAt <= now);
  }

  /** Drops the claims of a claimant that is gone. */
  drop(claimant: AwarenessOwner): void {
    if (claimant instanceof Subscriber) {
      if (claimant.claim !== null && this.of(claimant.claim)?.claimant === claimant) {
        this.take(claimant.claim);
      }
      claimant.claim = null;
      return;
    }
    for (const claim of this.#byClient.values()) {
      if (claim.claimant === claimant) this.#byClient.delete(claim.client);
    }
  }
}

function release({ claimant }: Claim): void {
  if (claimant instanceof Subscriber) claimant.claim = null;
}
