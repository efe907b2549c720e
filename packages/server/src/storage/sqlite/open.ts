import { extname, join, resolve } from "node:path";
import { Kysely, sql } from "kysely";
import type { Logger } from "pino";
import type { EventQueue } from "../event-queue.ts";
import type { ListedJournal } from "../journal.ts";
import type { Metadata } from "../metadata.ts";
import type { Outbox } from "../outbox.ts";
import type { SnapshotStore } from "../snapshots.ts";
import { SqlEventQueue } from "../sql/event-queue-sql.ts";
import type { MetadataSchema } from "../sql/metadata-schema.ts";
import { migrateMetadata } from "../sql/metadata-schema.ts";
import { SqlMetadata } from "../sql/metadata-sql.ts";
import { SqlOutbox } from "../sql/outbox-sql.ts";
import { createDirectory, lockDirectory } from "./data-directory.ts";
import { DatabaseThread } from "./database-thread.ts";
import { runStatements, ThreadDialect } from "./dialect.ts";
import { SqliteJournal } from "./journal.ts";
import type { JournalCalls } from "./journal-calls.ts";
import type { SnapshotCalls } from "./snapshot-calls.ts";
import { SqliteSnapshots } from "./snapshots.ts";
import type { StatementCalls } from "./statement-calls.ts";
import { ThreadShare, whenLastLeaves } from "./thread-share.ts";

/** All stores, in one local directory. */
export interface SqliteStore {
  readonly journal: ListedJournal;
  readonly snapshots: SnapshotStore;
  readonly metadata: Metadata;
  /** In the metadata database, as are the `events`: closing the metadata closes both. */
  readonly outbox: Outbox;
  readonly events: EventQueue;
  /** Closes all of them, and releases the directory for other processes. @throws StorageError */
  close(): Promise<void>;
}

/**
 * Opens the store in a directory, creating whatever is missing. Only one process at a time can have
 * it open.
 *
 * @param logger logs the death of a database thread
 * @throws StorageError with a message that names the path and says what to do
 */
export async function openSqliteStore(
  directory: string,
  logger?: Pick<Logger, "error">,
): Promise<SqliteStore> {
  const path = resolve(directory);
  await createDirectory(path);
  const lock = lockDirectory(path);
  const unlock = whenLastLeaves(3, async () => lock.release());

  // Each has its own thread and file, so that neither a large snapshot nor a slow metadata query
  // delays acknowledgements.
  const journalThread = new DatabaseThread<JournalCalls>({
    program: programUrl("journal-worker"),
    database: join(path, "journal.db"),
    logger,
  });
  const snapshotThread = new DatabaseThread<SnapshotCalls>({
    program: programUrl("snapshot-worker"),
    database: join(path, "snapshots.db"),
    logger,
  });
  const metadataThread = new DatabaseThread<StatementCalls>({
    program: programUrl("metadata-worker"),
    database: join(path, "metadata.db"),
    logger,
  });
  const journalShare = new ThreadShare(journalThread, () => journalThread.stop().finally(unlock));
  const snapshotShare = new ThreadShare(snapshotThread, () =>
    snapshotThread.stop().finally(unlock),
  );
  const metadataShare = new ThreadShare(metadataThread, () =>
    metadataThread.stop().finally(unlock),
  );
  const shares = [journalShare, snapshotShare, metadataShare];

  const db = new Kysely<MetadataSchema>({ dialect: new ThreadDialect(metadataShare) });
  try {
    const purpose = `open the store in "${path}"`;
    await allOf([
      journalShare.call("open", [], { purpose }),
      snapshotShare.call("open", [], { purpose }),
      migrateMetadata(db),
    ]);
  } catch (error) {
    await Promise.allSettled(shares.map((share) => share.close()));
    throw error;
  }

  const journal = new SqliteJournal(journalShare);
  const snapshots = new SqliteSnapshots(snapshotShare);
  const metadata = new SqlMetadata(db, {
    runTogether: async (queries) => {
      await runStatements(metadataShare, queries);
    },
    lowercase: (text) => sql`lower(${text})`,
  });
  return {
    journal,
    snapshots,
    metadata,
    outbox: new SqlOutbox(db, { skipLocked: false }),
    events: new SqlEventQueue(db),
    close: async () => {
      await allOf([journal.close(), snapshots.close(), metadata.close()]);
    },
  };
}

/** Waits for all, even if one fails. @throws the first error */
async function allOf(promises: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(promises);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** A worker's program is next to this file, and like it is TypeScript when run from source. */
function programUrl(name: string): URL {
  return new URL(`./${name}${extname(new URL(import.meta.url).pathname)}`, import.meta.url);
}
