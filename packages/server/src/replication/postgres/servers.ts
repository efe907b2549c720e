import type { Connections } from "../../storage/postgres/connections.ts";
import type { Incarnation, ServerAddress } from "../registry.ts";

/** The most rows of holders that one call deletes, so that it stays far below its time limit. */
const FORGET_ROWS = 5_000;

const LAPSED = `
  SELECT asked.address FROM unnest($1::text[]) AS asked (address)
  WHERE NOT EXISTS (
    SELECT FROM symphony_servers AS servers
    WHERE servers.address = asked.address AND servers.lease_end > now()
  )`;

const INCARNATIONS = `
  SELECT address, incarnation FROM symphony_servers
  WHERE address = ANY ($1::text[]) AND lease_end > now()`;

const ALL = `
  SELECT address, lease_end <= now() AS lapsed, lease_end <= now() - interval '1 hour' AS gone
  FROM symphony_servers`;

/*
 * Locks the rows of servers that have been gone for an hour: one that returns has to write its row, so it waits,
 * and registers its rooms only after that. A server is forgotten once no rows of holders name it. Those that this
 * statement deletes still count for it, so that is up to a later call.
 */
const FORGET = `
  WITH gone AS (
    SELECT address FROM symphony_servers
    WHERE lease_end <= now() - interval '1 hour'
    FOR UPDATE SKIP LOCKED
  ), emptied AS (
    DELETE FROM symphony_holders WHERE (room, server) IN (
      SELECT room, server FROM symphony_holders
      WHERE server IN (SELECT address FROM gone) LIMIT $1
    )
  )
  DELETE FROM symphony_servers WHERE address IN (SELECT address FROM gone)
    AND NOT EXISTS (SELECT FROM symphony_holders WHERE server = address)`;

/** A server that was not closed. */
export interface ListedServer {
  readonly address: ServerAddress;
  /** Whether its lease has expired. */
  readonly lapsed: boolean;
}

/** The leases of all servers. All are judged by the clock of the database. */
export class Servers {
  readonly #connections: Connections;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  /** Returns those of these servers that have no lease, or one that has expired. */
  async lapsed(servers: readonly ServerAddress[]): Promise<readonly ServerAddress[]> {
    if (servers.length === 0) return [];
    const rows = await this.#connections.query<{ address: ServerAddress }>("read the leases", {
      name: "lapsed-servers",
      text: LAPSED,
      values: [[...new Set(servers)]],
    });
    return rows.map(({ address }) => address);
  }

  /** Returns the incarnations of those of these servers that have a lease. */
  async incarnations(
    servers: readonly ServerAddress[],
  ): Promise<ReadonlyMap<ServerAddress, Incarnation>> {
    const rows = await this.#connections.query<{
      address: ServerAddress;
      incarnation: Incarnation;
    }>("read the leases", { name: "incarnations", text: INCARNATIONS, values: [servers] });
    return new Map(rows.map(({ address, incarnation }) => [address, incarnation]));
  }

  /** Returns all servers that were not closed, and forgets those whose lease ended an hour ago. */
  async all(): Promise<readonly ListedServer[]> {
    const rows = await this.#connections.query<ListedServer & { gone: boolean }>("list servers", {
      name: "all-servers",
      text: ALL,
    });
    if (rows.some(({ gone }) => gone)) await this.#forget();
    return rows.filter(({ gone }) => !gone);
  }

  async #forget(): Promise<void> {
    await this.#connections.query("forget servers that died long ago", {
      name: "forget-servers",
      text: FORGET,
      values: [FORGET_ROWS],
    });
  }
}
