import { checksum, verified } from "../checksum.ts";
import type { JournalId, JournalRow, ListedJournal, RoomJournal } from "../journal.ts";
import type { Connections } from "./connections.ts";
import { byteArrays } from "./values.ts";

/*
 * Rows get their ids on insertion, one after the other in the order of the SELECT: the smallest id
 * belongs to the first row. The id sequence does not cache values, so an append that begins after
 * another has ended gets larger ids, whichever server it comes from: id order is consistent with
 * commit order.
 */
const APPEND = `
  WITH appended AS (
    INSERT INTO journal (room, checksum, content)
    SELECT room, checksum, content
    FROM unnest($1::text[], $2::bigint[], $3::bytea[])
      WITH ORDINALITY AS given (room, checksum, content, position)
    ORDER BY position
    RETURNING id
  )
  SELECT array_agg(id ORDER BY id) AS ids FROM appended`;

// A single statement sees a consistent state. Between two, a snapshot could be stored and its rows
// deleted.
const READ = `
  SELECT known.snapshotted, journal.id, journal.checksum, journal.content
  FROM (
    SELECT EXISTS (SELECT FROM snapshotted_rooms WHERE room = $1) AS snapshotted
  ) AS known
  LEFT JOIN journal ON journal.room = $1
  ORDER BY journal.id`;

const TRUNCATE = `
  WITH deleted AS (
    DELETE FROM journal WHERE room = $1 AND id = ANY ($2::bigint[])
  )
  INSERT INTO snapshotted_rooms (room) VALUES ($1) ON CONFLICT DO NOTHING`;

const FORGET = `
  WITH deleted AS (DELETE FROM journal WHERE room = $1)
  DELETE FROM snapshotted_rooms WHERE room = $1`;

const ROOMS = `
  SELECT DISTINCT room FROM journal WHERE room > $1 ORDER BY room LIMIT $2`;

/** A row returned by `READ`. A room without journal rows yields one row without an id. */
interface FoundRow {
  readonly [column: string]: unknown;
  readonly snapshotted: boolean;
  readonly id: number | null;
}

/** The journal in a table that all servers share. */
export class PostgresJournal implements ListedJournal {
  readonly #appending: Connections;
  readonly #others: Connections;

  /**
   * @param appending used only for appends, so that acknowledgements do not wait for a
   *   connection, and readers do not wait for a large append
   */
  constructor(appending: Connections, others: Connections) {
    this.#appending = appending;
    this.#others = others;
  }

  async append(rows: readonly JournalRow[]): Promise<readonly JournalId[]> {
    if (rows.length === 0) return [];
    const [appended] = await this.#appending.query<{ ids: JournalId[] }>("append to the journal", {
      name: "append",
      text: APPEND,
      values: [
        rows.map(({ room }) => room),
        rows.map(({ room, update }) => checksum(room, update)),
        byteArrays(rows.map(({ update }) => update)),
      ],
    });
    return appended?.ids ?? [];
  }

  async read(room: string): Promise<RoomJournal> {
    const what = `read the journal of room "${room}"`;
    const found = await this.#others.query<FoundRow>(what, {
      name: "read",
      text: READ,
      values: [room],
    });
    try {
      return {
        snapshotted: found[0]?.snapshotted === true,
        rows: found.flatMap((row) => {
          const { id } = row;
          return id === null ? [] : [{ id, update: verified(room, row, `journal row ${id}`) }];
        }),
      };
    } catch (error) {
      throw this.#others.explained(what, error);
    }
  }

  async truncate(room: string, ids: readonly JournalId[]): Promise<void> {
    await this.#others.query(`truncate the journal of room "${room}"`, {
      name: "truncate",
      text: TRUNCATE,
      values: [room, ids],
    });
  }

  async forget(room: string): Promise<void> {
    await this.#others.query(`delete the journal of room "${room}"`, {
      name: "forget",
      text: FORGET,
      values: [room],
    });
  }

  async rooms(after: string, limit: number): Promise<readonly string[]> {
    const what = "list the rooms of the journal";
    const found = await this.#others.query<{ room: string }>(what, {
      name: "rooms",
      text: ROOMS,
      values: [after, limit],
    });
    return found.map(({ room }) => room);
  }

  async close(): Promise<void> {
    await Promise.all([this.#appending.close(), this.#others.close()]);
  }
}
