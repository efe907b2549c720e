import { randomUUID } from "node:crypto";
import { type Kysely, sql } from "kysely";
import type {
  Outbox,
  OutboxClaim,
  OutboxClaiming,
  OutboxKind,
  OutboxMark,
  OutboxPending,
} from "../outbox.ts";
import type { MetadataSchema } from "./metadata-schema.ts";
import { asStorageError } from "./sql-errors.ts";

/** Engines limit the number of parameters of a statement. */
const MARKS_AT_ONCE = 500;

const UNCLAIMED = {
  claim: null,
  claimed_by: null,
  claimed_at: null,
  claimed_version: null,
  claimed_until: 0,
};

/**
 * The outbox in any SQL database that Kysely supports. The metadata owns and closes the database.
 */
export class SqlOutbox implements Outbox {
  readonly #db: Kysely<MetadataSchema>;
  readonly #skipLocked: boolean;

  /** @param engine.skipLocked whether the engine locks rows, and can skip locked ones */
  constructor(db: Kysely<MetadataSchema>, engine: { readonly skipLocked: boolean }) {
    this.#db = db;
    this.#skipLocked = engine.skipLocked;
  }

  async mark(kind: OutboxKind, marks: readonly OutboxMark[], longest: number): Promise<void> {
    // Servers mark the same rows at the same time: using the same order prevents deadlocks.
    const sorted = [...marks].sort((a, b) => (a.key < b.key ? -1 : 1));
    for (let at = 0; at < sorted.length; at += MARKS_AT_ONCE) {
      const some = sorted.slice(at, at + MARKS_AT_ONCE);
      await asStorageError("mark outbox rows", () => this.#mark(kind, some, longest));
    }
  }

  async claim(
    kind: OutboxKind,
    { by, now, until, limit }: OutboxClaiming,
  ): Promise<readonly OutboxClaim[]> {
    const token = randomUUID();
    const due = this.#db
      .selectFrom("outbox")
      .select("key")
      .where("kind", "=", kind)
      .where("due_at", "<=", now)
      .where("claimed_until", "<=", now)
      .orderBy("due_at")
      .limit(limit);
    const rows = await asStorageError("claim outbox rows", () =>
      this.#db
        // A separate query, so that it is evaluated once.
        .with("due", () => (this.#skipLocked ? due.forUpdate().skipLocked() : due))
        .updateTable("outbox")
        .set({
          claim: token,
          claimed_by: by,
          claimed_at: now,
          claimed_version: sql<number>`version`,
          claimed_until: until,
          attempts: sql<number>`attempts + 1`,
        })
        .where("kind", "=", kind)
        .where("key", "in", (from) => from.selectFrom("due").select("due.key"))
        .returning(["key", "first_at", "attempts", "version"])
        .execute(),
    );
    return rows.map(({ key, first_at, attempts, version }) => {
      return { kind, key, first: first_at, attempts, token, version };
    });
  }

  async free(kind: OutboxKind, server: string | null, at: number): Promise<void> {
    const claimed = this.#db
      .updateTable("outbox")
      .set(UNCLAIMED)
      .where("kind", "=", kind)
      .where("claimed_at", "<=", at);
    const those = server === null ? claimed : claimed.where("claimed_by", "=", server);
    await asStorageError("release outbox rows", () => those.execute());
  }

  async settle({ kind, key, token, version }: OutboxClaim): Promise<void> {
    await asStorageError("settle an outbox row", async () => {
      const { numDeletedRows } = await this.#db
        .deleteFrom("outbox")
        .where("kind", "=", kind)
        .where("key", "=", key)
        .where("claim", "=", token)
        .where("version", "=", version)
        .executeTakeFirst();
      if (numDeletedRows > 0n) return;
      await this.#free({ kind, key, token }, { attempts: 0 });
    });
  }

  async postpone(claim: OutboxClaim, until: number): Promise<void> {
    await asStorageError("postpone an outbox row", () => this.#free(claim, { due_at: until }));
  }

  async pending(kind: OutboxKind): Promise<OutboxPending> {
    return await asStorageError("count outbox rows", () =>
      this.#db
        .selectFrom("outbox")
        .select(({ fn }) => [
          fn.countAll<number>().as("rows"),
          fn.min<number | null>("first_at").as("oldest"),
        ])
        .where("kind", "=", kind)
        .executeTakeFirstOrThrow(),
    );
  }

  async #mark(kind: OutboxKind, marks: readonly OutboxMark[], longest: number): Promise<void> {
    const rows = marks.map(({ key, first, due }) => ({
      kind,
      key,
      first_at: first,
      due_at: Math.min(due, first + longest),
      version: 1,
      attempts: 0,
      ...UNCLAIMED,
    }));
    await this.#db
      .insertInto("outbox")
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(["kind", "key"]).doUpdateSet({
          version: sql<number>`outbox.version + 1`,
          // The first mark since the claim begins a new window.
          first_at: sql<number>`CASE
            WHEN outbox.claimed_version = outbox.version THEN excluded.first_at
            ELSE outbox.first_at END`,
          due_at: sql<number>`CASE
            WHEN outbox.claimed_version = outbox.version THEN excluded.due_at
            WHEN outbox.claimed_version IS NULL AND outbox.attempts > 0 THEN outbox.due_at
            WHEN excluded.due_at <= outbox.due_at THEN outbox.due_at
            WHEN excluded.due_at <= outbox.first_at + ${sql.lit(longest)} THEN excluded.due_at
            ELSE outbox.first_at + ${sql.lit(longest)} END`,
        }),
      )
      .execute();
  }

  /** Releases a claim if it is still held. */
  async #free(
    { kind, key, token }: Pick<OutboxClaim, "kind" | "key" | "token">,
    changes: { readonly attempts: number } | { readonly due_at: number },
  ): Promise<void> {
    await this.#db
      .updateTable("outbox")
      .set({ ...changes, ...UNCLAIMED })
      .where("kind", "=", kind)
      .where("key", "=", key)
      .where("claim", "=", token)
      .execute();
  }
}
