const MIB = 1024 * 1024;

/**
 * The largest snapshot that PostgreSQL stores, in bytes. The database and the driver each hold a snapshot in
 * memory several times while they write it, and write it to the log as well; PostgreSQL itself ends at 1 GB.
 */
export const MAX_SNAPSHOT_BYTES: number = 128 * MIB;

/**
 * The largest document that servers may admit if its snapshots are in PostgreSQL, in bytes. Each of them checks
 * its own copy, so that what several admit at the same moment adds up; half leaves room for that.
 */
export const MAX_STORABLE_DOCUMENT_BYTES: number = MAX_SNAPSHOT_BYTES / 2;
