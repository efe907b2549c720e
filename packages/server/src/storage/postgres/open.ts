import { Kysely, sql } from "kysely";
import type { Logger } from "pino";
import type { EventQueue } from "../event-queue.ts";
import type { ListedJournal } from "../journal.ts";
import type { Metadata } from "../metadata.ts";
import type { Outbox } from "../outbox.ts";
import type { SnapshotStore } from "../snapshots.ts";
import { SqlEventQueue } from "../sql/event-queue-sql.ts";
import type { MetadataSchema } from "../sql/metadata-schema.ts";
import { SqlMetadata } from "../sql/metadata-sql.ts";
import { SqlOutbox } from "../sql/outbox-sql.ts";
import { Connections } from "./connections.ts";
import { databaseOf } from "./database.ts";
import { ConnectionsDialect } from "./dialect.ts";
import { PostgresJournal } from "./journal.ts";
import { migrate } from "./migrate.ts";
import { probeDatabase } from "./probe.ts";
import { PostgresSnapshots } from "./snapshots.ts";

/** Journal, metadata and, for clusters without an object store, snapshots in one database. */
export interface PostgresStore {
  readonly journal: ListedJournal;
  /** Opens no connection before it is used. */
  readonly snapshots: SnapshotStore;
  readonly metadata: Metadata;
  /** Uses the connections of the metadata, as `events` does: closing that closes both. */
  readonly outbox: Outbox;
  readonly events: EventQueue;
  /** Waits for pending calls and releases all resources. May be called more than once. */
  close(): Promise<void>;
}

/** A server makes one commit at a time. */
const APPENDING = 1;
const READING = 4;
const METADATA = 2;
const READING_SNAPSHOTS = 4;
const WRITING_SNAPSHOTS = 2;
/** Time limit for writing a snapshot, in milliseconds: the largest, at 6 MB a second. */
const WRITE_SNAPSHOT_MS = 20_000;

/**
 * Opens a database, and creates or updates its tables. Any number of servers may do so at the same
 * time. Later failures need no restart: each call tries again, and rejects after about 10 seconds
 * at the latest; a large snapshot may take longer.
 *
 * @param url `postgres://user:password@host:port/database`
 * @throws StorageError with a message that names the database, without the password
 */
export async function openPostgresStore(
  url: string,
  logger: Pick<Logger, "debug">,
): Promise<PostgresStore> {
  const database = await probeDatabase(databaseOf(url));
  await migrate(database, logger);
  // Every statement of journal and snapshots can use an index. Plans are cached per session, and one made
  // while the table was empty would keep scanning the whole table as it grows.
  const settings = { enable_seqscan: "off" };
  const journal = new PostgresJournal(
    new Connections({ database, most: APPENDING, settings, logger }),
    new Connections({ database, most: READING, settings, logger }),
  );
  // Connections of their own: a large snapshot delays no append, and the writing of one delays no reading.
  const snapshots = new PostgresSnapshots({
    reading: new Connections({ database, most: READING_SNAPSHOTS, settings, logger }),
    writing: new Connections({
      database,
      most: WRITING_SNAPSHOTS,
      statementTimeout: WRITE_SNAPSHOT_MS,
      settings,
      logger,
    }),
    writesAtOnce: WRITING_SNAPSHOTS,
  });
  const connections = new Connections({
    database,
    most: METADATA,
    // Compiling the largest of these queries would take longer than running them.
    settings: { jit: "off" },
    logger,
  });
  const db = new Kysely<MetadataSchema>({
    dialect: new ConnectionsDialect(connections, "use the metadata"),
  });
  const metadata = new SqlMetadata(db, {
    runTogether: (queries) =>
      db.transaction().execute(async (transaction) => {
        for (const query of queries) await transaction.executeQuery(query);
      }),
    // With the columns' own collation, by bytes, lower() would convert ASCII letters only.
    lowercase: (text) => sql`lower(${text} COLLATE "default")`,
  });
  return {
    journal,
    snapshots,
    metadata,
    outbox: new SqlOutbox(db, { skipLocked: true }),
    events: new SqlEventQueue(db),
    close: async () => {
      await Promise.all([journal.close(), snapshots.close(), metadata.close()]);
    },
  };
}
