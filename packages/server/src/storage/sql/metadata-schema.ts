import { type Kysely, type RawBuilder, sql } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { reasonOf } from "../../runtime/reason.ts";
import { StorageError } from "../errors.ts";
import { type EventsTable, type OutboxTable, outboxMigrations } from "./outbox-schema.ts";
import { asMigrationError } from "./sql-errors.ts";

/**
 * The tables of the metadata, the same in every SQL database. Times and sizes are 64-bit integers,
 * and the driver must return them as numbers.
 */
export interface MetadataSchema {
  readonly rooms: RoomsTable;
  readonly connections: ConnectionsTable;
  /** The figures of each server, kept until some time after they were aggregated. */
  readonly activity_by_server: ServerActivityTable;
  /** Totals over all servers. */
  readonly activity_by_minute: ActivityTable;
  readonly activity_by_hour: ActivityTable;
  readonly admin_sessions: AdminSessionsTable;
  readonly tombstones: TombstonesTable;
  readonly outbox: OutboxTable;
  readonly events: EventsTable;
}

export interface RoomsTable {
  readonly name: string;
  readonly created_at: number;
  readonly updated_at: number | null;
  readonly bytes: number;
}

export interface ConnectionsTable {
  readonly connection: string;
  readonly room: string;
  readonly server: string;
  readonly connected_at: number;
  readonly disconnected_at: number | null;
}

export interface ServerActivityTable {
  readonly minute: number;
  readonly server: string;
  readonly connections: number;
  readonly rooms: number;
  readonly connects: number;
}

export interface ActivityTable {
  /** When the minute or hour began. */
  readonly at: number;
  readonly connections: number;
  readonly rooms: number;
  readonly connects: number;
}

export interface AdminSessionsTable {
  readonly key: string;
  readonly expires_at: number;
}

export interface TombstonesTable {
  readonly room: string;
  readonly closed_until: number;
}

/** The sort key of rooms by update; the index has the same expression. */
export const UPDATED: RawBuilder<number> = sql`coalesce(updated_at, -1)`;

/** Connections that lasted longer are few, and have their own index. */
export const LONG_MS = 86_400_000;
export const LASTED_LONG: RawBuilder<boolean> = sql`disconnected_at - connected_at > ${sql.lit(LONG_MS)}`;

/**
 * Brings the tables of an embedded database up to date. Can be called repeatedly.
 *
 * @throws StorageError if that fails; calling again continues where it stopped
 */
export async function migrateMetadata(db: Kysely<MetadataSchema>): Promise<void> {
  const migrations = metadataMigrations("text");
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  if (error instanceof StorageError) throw error;
  const cause = asMigrationError(error);
  const reason = reasonOf(cause);
  throw new StorageError(`Could not create the tables of the metadata: ${reason}`, { cause });
}

/**
 * Returns the migrations, which run in the order of their names. Never change one that has been
 * released. Every statement must be repeatable, because with SQLite an interrupted migration runs
 * again.
 *
 * @param text the column type for text that is compared by its bytes
 */
export function metadataMigrations(
  text: "text" | RawBuilder<unknown>,
): Readonly<Record<string, Migration>> {
  return {
    "0001-rooms-and-connections": {
      up: async (db) => {
        await db.schema
          .createTable("rooms")
          .ifNotExists()
          .addColumn("name", text, (column) => column.notNull().primaryKey())
          .addColumn("created_at", "bigint", (column) => column.notNull())
          .addColumn("updated_at", "bigint")
          .addColumn("bytes", "bigint", (column) => column.notNull())
          .execute();
        await db.schema
          .createIndex("rooms_updated_at")
          .ifNotExists()
          .on("rooms")
          .column("updated_at")
          .execute();
        await db.schema
          .createTable("connections")
          .ifNotExists()
          .addColumn("connection", text, (column) => column.notNull().primaryKey())
          .addColumn("room", text, (column) => column.notNull())
          .addColumn("server", text, (column) => column.notNull())
          .addColumn("connected_at", "bigint", (column) => column.notNull())
          .addColumn("disconnected_at", "bigint")
          .execute();
        await db.schema
          .createIndex("connections_connected_at")
          .ifNotExists()
          .on("connections")
          .columns(["connected_at", "connection"])
          .execute();
        await db.schema
          .createIndex("connections_open")
          .ifNotExists()
          .on("connections")
          .column("server")
          .where(sql.ref("disconnected_at"), "is", null)
          .execute();
      },
    },
    "0002-when-connections-ended": {
      up: async (db) => {
        await db.schema
          .createIndex("connections_disconnected_at")
          .ifNotExists()
          .on("connections")
          .column("disconnected_at")
          .execute();
      },
    },
    "0003-lists-and-activity": {
      up: async (db) => {
        await db.schema.dropIndex("rooms_updated_at").ifExists().execute();
        const index = (name: string) => db.schema.createIndex(name).ifNotExists();
        await index("rooms_created").on("rooms").columns(["created_at", "name"]).execute();
        await index("rooms_updated").on("rooms").expression(UPDATED).column("name").execute();
        await index("rooms_bytes").on("rooms").columns(["bytes", "name"]).execute();
        await index("connections_room")
          .on("connections")
          .columns(["room", "connected_at", "connection"])
          .execute();
        await index("connections_long")
          .on("connections")
          .columns(["connected_at", "connection", "disconnected_at"])
          .where(LASTED_LONG)
          .execute();
        await db.schema
          .createTable("activity_by_server")
          .ifNotExists()
          .addColumn("minute", "bigint", (column) => column.notNull())
          .addColumn("server", text, (column) => column.notNull())
          .addColumn("connections", "integer", (column) => column.notNull())
          .addColumn("rooms", "integer", (column) => column.notNull())
          .addColumn("connects", "integer", (column) => column.notNull())
          .addPrimaryKeyConstraint("activity_by_server_key", ["minute", "server"])
          .execute();
        for (const table of ["activity_by_minute", "activity_by_hour"]) {
          await db.schema
            .createTable(table)
            .ifNotExists()
            .addColumn("at", "bigint", (column) => column.notNull().primaryKey())
            .addColumn("connections", "bigint", (column) => column.notNull())
            .addColumn("rooms", "bigint", (column) => column.notNull())
            .addColumn("connects", "bigint", (column) => column.notNull())
            .execute();
        }
      },
    },
    ...outboxMigrations(text),
    "0010-admin-sessions": {
      up: async (db) => {
        await db.schema
          .createTable("admin_sessions")
          .ifNotExists()
          .addColumn("key", text, (column) => column.notNull().primaryKey())
          .addColumn("expires_at", "bigint", (column) => column.notNull())
          .execute();
      },
    },
    "0011-tombstones": {
      up: async (db) => {
        await db.schema
          .createTable("tombstones")
          .ifNotExists()
          .addColumn("room", text, (column) => column.notNull().primaryKey())
          .addColumn("closed_until", "bigint", (column) => column.notNull())
          .execute();
        await db.schema
          .createIndex("tombstones_closed_until")
          .ifNotExists()
          .on("tombstones")
          .column("closed_until")
          .execute();
      },
    },
  };
}
