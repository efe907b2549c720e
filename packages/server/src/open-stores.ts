import type { Logger } from "pino";
import type { Config } from "./config.ts";
import type { Stores } from "./document/open-document.ts";
import type { EventQueue } from "./storage/event-queue.ts";
import type { ListedJournal } from "./storage/journal.ts";
import type { Metadata } from "./storage/metadata.ts";
import type { Outbox } from "./storage/outbox.ts";
import type { SnapshotStore } from "./storage/snapshots.ts";

export interface AllStores extends Stores {
  readonly journal: ListedJournal;
  readonly metadata: Metadata;
  readonly outbox: Outbox;
  readonly events: EventQueue;
  close(): Promise<void>;
}

/**
 * Opens the stores that the configuration names, and the embedded one for the others.
 *
 * @throws StorageError; what was opened is closed then
 */
export async function openStores(config: Config, logger: Logger): Promise<AllStores> {
  const { DATABASE_URL, S3_BUCKET } = config;
  const opened: { close(): Promise<void> }[] = [];
  const keep = <Store extends { close(): Promise<void> }>(store: Store): Store => {
    opened.push(store);
    return store;
  };
  const close = async () => {
    await Promise.allSettled(opened.map((store) => store.close()));
  };
  try {
    const snapshots = S3_BUCKET === undefined ? null : keep(await openS3(config, S3_BUCKET));
    const database =
      DATABASE_URL === undefined ? null : keep(await openPostgres(DATABASE_URL, logger));
    if (snapshots !== null && database !== null) {
      const { journal, metadata, outbox, events } = database;
      return { snapshots, journal, metadata, outbox, events, close };
    }
    const embedded = keep(await openSqlite(config.DATA_DIR, logger));
    return {
      snapshots: snapshots ?? embedded.snapshots,
      journal: (database ?? embedded).journal,
      metadata: (database ?? embedded).metadata,
      outbox: (database ?? embedded).outbox,
      events: (database ?? embedded).events,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

// Each is loaded only where it is used: together they would double the time and memory of a start.

async function openS3(config: Config, bucket: string): Promise<SnapshotStore> {
  const { openS3Snapshots } = await import("./storage/s3/open.ts");
  return openS3Snapshots({
    bucket,
    prefix: config.S3_PREFIX,
    forcePathStyle: config.S3_FORCE_PATH_STYLE,
    unquotedIfMatch: config.S3_UNQUOTED_IF_MATCH,
  });
}

async function openPostgres(url: string, logger: Logger) {
  const { openPostgresStore } = await import("./storage/postgres/open.ts");
  return openPostgresStore(url, logger);
}

async function openSqlite(directory: string, logger: Logger) {
  const { openSqliteStore } = await import("./storage/sqlite/open.ts");
  return openSqliteStore(directory, logger);
}
