import type { Logger } from "pino";
import type { CustomPart } from "../config/check-config.ts";
import { keepsSnapshotsInDatabase } from "../config/cluster-stores.ts";
import type { Config } from "../config/config.ts";
import type { ServerOptions } from "../config/server-options.ts";
import type { Stores } from "../room/persistence/stored-room.ts";
import type { EventQueue } from "../storage/event-queue.ts";
import type { Metadata } from "../storage/metadata.ts";
import type { Outbox } from "../storage/outbox.ts";
import type { SnapshotStore } from "../storage/snapshots.ts";

export interface AllStores extends Stores {
  readonly metadata: Metadata;
  /** `null` if no notifications are configured and no database was opened. */
  readonly outbox: Outbox | null;
  readonly events: EventQueue | null;
  /** Closes the stores that were opened here, not the application's own. */
  close(): Promise<void>;
}

/** The stores that the application provides itself. */
export type CustomStores = Pick<ServerOptions, "journal" | "snapshots" | "metadata">;

/**
 * Opens the stores that the application does not provide: the configured ones, and the embedded store
 * for the rest.
 *
 * @param parts all parts that the application provides
 * @throws StorageError; any stores already opened are then closed
 */
export async function openStores(
  config: Config,
  custom: CustomStores,
  parts: ReadonlySet<CustomPart>,
  logger: Logger,
): Promise<AllStores> {
  const { DATABASE_URL, S3_BUCKET } = config;
  const { journal, snapshots, metadata } = custom;
  const opened: { close(): Promise<void> }[] = [];
  const keep = <Store extends { close(): Promise<void> }>(store: Store): Store => {
    opened.push(store);
    return store;
  };
  const close = async () => {
    await Promise.allSettled(opened.map((store) => store.close()));
  };
  try {
    const s3 =
      snapshots === undefined && S3_BUCKET !== undefined
        ? keep(await openS3(config, S3_BUCKET, logger))
        : undefined;
    const wantsOutbox = config.CALLBACK_URL !== undefined || config.EVENTS_URL !== undefined;
    const inDatabase = keepsSnapshotsInDatabase(config, parts);
    const isDatabaseUsed =
      journal === undefined || metadata === undefined || inDatabase || wantsOutbox;
    const database =
      isDatabaseUsed && DATABASE_URL !== undefined
        ? keep(await openPostgres(DATABASE_URL, logger))
        : undefined;
    const chosen = {
      snapshots: snapshots ?? s3 ?? (inDatabase ? database?.snapshots : undefined),
      journal: journal ?? database?.journal,
      metadata: metadata ?? database?.metadata,
    };
    if (isComplete(chosen) && (database !== undefined || !wantsOutbox)) {
      return {
        ...chosen,
        outbox: database?.outbox ?? null,
        events: database?.events ?? null,
        close,
      };
    }
    const embedded = keep(await openSqlite(config.DATA_DIR, logger));
    return {
      snapshots: chosen.snapshots ?? embedded.snapshots,
      journal: chosen.journal ?? embedded.journal,
      metadata: chosen.metadata ?? embedded.metadata,
      outbox: (database ?? embedded).outbox,
      events: (database ?? embedded).events,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type Complete = Pick<AllStores, "snapshots" | "journal" | "metadata">;

function isComplete(
  stores: { [Name in keyof Complete]: Complete[Name] | undefined },
): stores is Complete {
  return Object.values(stores).every((store) => store !== undefined);
}

// Each is loaded only if it is used: together they would double the time and memory of a start.

async function openS3(config: Config, bucket: string, logger: Logger): Promise<SnapshotStore> {
  const { openS3Snapshots } = await import("../storage/s3/open.ts");
  const { checkBucket } = await import("../storage/s3/check-bucket.ts");
  const options = {
    bucket,
    prefix: config.S3_PREFIX,
    forcePathStyle: config.S3_FORCE_PATH_STYLE,
    unquotedIfMatch: config.S3_UNQUOTED_IF_MATCH,
  };
  await checkBucket(options, logger);
  return openS3Snapshots(options);
}

async function openPostgres(url: string, logger: Logger) {
  const { openPostgresStore } = await import("../storage/postgres/open.ts");
  return openPostgresStore(url, logger);
}

async function openSqlite(directory: string, logger: Logger) {
  const { openSqliteStore } = await import("../storage/sqlite/open.ts");
  return openSqliteStore(directory, logger);
}
