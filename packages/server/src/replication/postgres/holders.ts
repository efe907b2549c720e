import { randomUUID } from "node:crypto";
import type { Connections } from "../../storage/postgres/connections.ts";
import type { ServerAddress } from "../registry.ts";

/*
 * Of two servers that join a room at the same instant, at least one must see the other. So a server adds itself
 * and commits; only then, in a second statement, does it look who is there. In one statement, neither would see
 * the row that the other one has not committed yet.
 *
 * Each time a server adds itself, its row gets a new mark, even if the row already exists: another server may be
 * removing it at that moment. PostgreSQL runs the two writes one after the other. If the removal comes second, the
 * mark has changed and the row stays; if it comes first, the server adds a new row.
 */
const ADD = `
  INSERT INTO symphony_holders (room, server, mark) VALUES ($1, $2, $3)
  ON CONFLICT (room, server) DO UPDATE SET mark = excluded.mark`;

const OTHERS = `
  SELECT holders.server, holders.mark,
    servers.lease_end IS NULL OR servers.lease_end <= now() AS lapsed
  FROM symphony_holders AS holders
  LEFT JOIN symphony_servers AS servers ON servers.address = holders.server
  WHERE holders.room = $1 AND holders.server <> $2`;

const REMOVE = `
  DELETE FROM symphony_holders WHERE room = $1 AND server = $2`;

/*
 * A server that has come back registers its rooms again: then the mark differs. If it has only renewed its lease
 * so far, its rows are spared already.
 */
const REMOVE_DEAD = `
  DELETE FROM symphony_holders AS holders
  USING unnest($2::text[], $3::uuid[]) AS dead (server, mark)
  WHERE holders.room = $1 AND holders.server = dead.server AND holders.mark = dead.mark
    AND NOT EXISTS (
      SELECT FROM symphony_servers AS servers
      WHERE servers.address = holders.server AND servers.lease_end > now()
    )`;

/** Another server that holds a room. */
export interface Holder {
  readonly server: ServerAddress;
  /** Differs each time that the server adds itself. */
  readonly mark: string;
  /** Whether it has no lease, or one that has expired. */
  readonly lapsed: boolean;
}

/** Which servers hold which rooms: a row for each. */
export class Holders {
  readonly #connections: Connections;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  /** Adds a server to the holders of a room, and returns the others. */
  async add(room: string, server: ServerAddress): Promise<readonly Holder[]> {
    const what = `register room "${room}"`;
    await this.#connections.query(what, {
      name: "add-holder",
      text: ADD,
      values: [room, server, randomUUID()],
    });
    return this.#connections.query<Holder>(what, {
      name: "other-holders",
      text: OTHERS,
      values: [room, server],
    });
  }

  /** Removes a server unconditionally. */
  async remove(room: string, server: ServerAddress): Promise<void> {
    await this.#connections.query(`deregister room "${room}"`, {
      name: "remove-holder",
      text: REMOVE,
      values: [room, server],
    });
  }

  /** Removes servers that were found dead, except those that have come back since. */
  async removeDead(room: string, dead: readonly Holder[]): Promise<void> {
    await this.#connections.query(`remove dead servers from room "${room}"`, {
      name: "remove-dead-holders",
      text: REMOVE_DEAD,
      values: [room, dead.map(({ server }) => server), dead.map(({ mark }) => mark)],
    });
  }
}
