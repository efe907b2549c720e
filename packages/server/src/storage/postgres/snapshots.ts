import { randomUUID } from "node:crypto";
import pLimit, { type LimitFunction } from "p-limit";
import { allocateShared, SHARED_BYTES } from "../../runtime/byte-memory.ts";
import { checksum, verified } from "../checksum.ts";
import {
  CorruptedError,
  SnapshotConflictError,
  SnapshotTooLargeError,
  StorageError,
} from "../errors.ts";
import type { Snapshot, SnapshotStore, SnapshotVersion } from "../snapshots.ts";
import type { Connections } from "./connections.ts";
import { MAX_SNAPSHOT_BYTES } from "./snapshot-limits.ts";

/*
 * The driver receives bytes as hexadecimal text, twice their size, and decodes that on the event loop. So a large
 * snapshot is read in parts of this size: a few milliseconds each. The column is not compressed, so that
 * PostgreSQL reads only the part.
 */
const PART_BYTES = 256 * 1024;

const READ = `
  SELECT version, checksum, octet_length(content) AS length,
    substring(content FROM 1 FOR ${PART_BYTES}) AS content
  FROM symphony_snapshots WHERE room = $1`;

const READ_PART = `
  SELECT substring(content FROM $2 FOR ${PART_BYTES}) AS content
  FROM symphony_snapshots WHERE room = $1`;

/*
 * Both compare and swap in one statement. Of two that race, the second waits until the first has committed, then
 * looks at the row again.
 */
const CREATE = `
  INSERT INTO symphony_snapshots (room, version, checksum, content)
  VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING version`;

const REPLACE = `
  UPDATE symphony_snapshots SET version = $2, checksum = $3, content = $4
  WHERE room = $1 AND version = $5 RETURNING version`;

const DELETE = `
  DELETE FROM symphony_snapshots WHERE room = $1`;

/** The result of `READ`. */
interface FirstPart {
  readonly [column: string]: unknown;
  readonly version: SnapshotVersion;
  readonly checksum: number;
  /** The size of the snapshot. */
  readonly length: number;
  /** Its beginning, or all of it. */
  readonly content: Uint8Array;
}

/** The connections of `PostgresSnapshots`; it closes both. */
export interface SnapshotConnections {
  readonly reading: Connections;
  /** With a time limit that is enough for the largest snapshot. */
  readonly writing: Connections;
  /** How many of them there are for writing. */
  readonly writesAtOnce: number;
}

/** Snapshots in a table that all servers share, for clusters without an object store. */
export class PostgresSnapshots implements SnapshotStore {
  readonly #reading: Connections;
  readonly #writing: Connections;
  /** A write waits here for a connection, for as long as those before it take. */
  readonly #writes: LimitFunction;
  readonly #running: Set<Promise<unknown>> = new Set();
  #closed: Promise<void> | undefined;

  constructor({ reading, writing, writesAtOnce }: SnapshotConnections) {
    this.#reading = reading;
    this.#writing = writing;
    this.#writes = pLimit(writesAtOnce);
  }

  read(room: string): Promise<Snapshot | null> {
    return this.#call(`read the snapshot of room "${room}"`, (what) => this.#read(what, room));
  }

  write(
    room: string,
    update: Uint8Array,
    expected: SnapshotVersion | null,
  ): Promise<SnapshotVersion> {
    return this.#call(`write the snapshot of room "${room}"`, async (what) => {
      if (update.length > MAX_SNAPSHOT_BYTES) {
        throw new SnapshotTooLargeError(
          `Could not ${what} in PostgreSQL: it has ${update.length} bytes, and the maximum is ${MAX_SNAPSHOT_BYTES}. Set S3_BUCKET for larger documents`,
        );
      }
      return this.#writes(() => this.#write(what, room, update, expected));
    });
  }

  delete(room: string): Promise<void> {
    return this.#call(`delete the snapshot of room "${room}"`, async (what) => {
      await this.#reading.query(what, { name: "delete", text: DELETE, values: [room] });
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #read(what: string, room: string): Promise<Snapshot | null> {
    const [row] = await this.#reading.query<FirstPart>(what, {
      name: "read",
      text: READ,
      values: [room],
    });
    if (row === undefined) return null;
    if (row.length > PART_BYTES) return this.#readParts(what, room);
    return { update: verified(room, row, "the snapshot"), version: row.version };
  }

  /** Reads a large snapshot from one state of the database, whatever replaces it meanwhile. */
  async #readParts(what: string, room: string): Promise<Snapshot | null> {
    const connection = await this.#reading.acquire(what);
    try {
      await connection.begin();
      await connection.query({
        text: "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
      });
      const { rows } = await connection.query<FirstPart>({ text: READ, values: [room] });
      const first = rows[0];
      if (first === undefined) {
        await connection.query({ text: "COMMIT" });
        return null;
      }
      const { length } = first;
      const update = length < SHARED_BYTES ? new Uint8Array(length) : allocateShared(length);
      update.set(first.content);
      for (let end = first.content.length; end < update.length; ) {
        const part = await connection.query<{ content: Uint8Array }>({
          text: READ_PART,
          values: [room, end + 1],
        });
        const { content = new Uint8Array() } = part.rows[0] ?? {};
        if (content.length === 0) break;
        update.set(content, end);
        end += content.length;
      }
      await connection.query({ text: "COMMIT" });
      if (checksum(room, update) !== first.checksum) {
        throw new CorruptedError("the snapshot is corrupted: its checksum does not match");
      }
      return { update, version: first.version };
    } finally {
      connection.release();
    }
  }

  async #write(
    what: string,
    room: string,
    update: Uint8Array,
    expected: SnapshotVersion | null,
  ): Promise<SnapshotVersion> {
    const values = [
      room,
      randomUUID(),
      checksum(room, update),
      Buffer.from(update.buffer, update.byteOffset, update.byteLength),
    ];
    const [written] = await this.#writing.query<{ version: SnapshotVersion }>(
      what,
      expected === null
        ? { name: "create", text: CREATE, values }
        : { name: "replace", text: REPLACE, values: [...values, expected] },
    );
    if (written === undefined) {
      throw new SnapshotConflictError(
        `the snapshot of room "${room}" was replaced by another writer`,
      );
    }
    return written.version;
  }

  /** @param what names the call in errors, as in "read the snapshot" */
  async #call<T>(what: string, work: (what: string) => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) {
      throw new StorageError(`Could not ${what}: the store is closed`);
    }
    const running = work(what);
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      throw this.#reading.explained(what, error);
    } finally {
      this.#running.delete(running);
    }
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#running);
    await Promise.all([this.#reading.close(), this.#writing.close()]);
  }
}
