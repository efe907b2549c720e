import type { Connections } from "../../storage/postgres/connections.ts";
import type { LeaseStore } from "../own-lease.ts";
import type { Incarnation, ServerAddress } from "../registry.ts";
import { bounded } from "./bounded.ts";

/*
 * The lease ends by the clock of the database, which also judges it: the clocks of servers do not matter. The
 * server itself counts from before it sent this statement, so it never believes longer in its lease than others.
 * A lease that had expired counts as a new one, whatever the server believed about it.
 */
const WRITE = `
  INSERT INTO symphony_servers AS known (address, lease_end, incarnation, renewals)
  VALUES ($1, now() + $2 * interval '1 ms', $3, 1)
  ON CONFLICT (address) DO UPDATE SET
    lease_end = excluded.lease_end,
    incarnation = excluded.incarnation,
    renewals = CASE WHEN known.lease_end > now() THEN known.renewals + 1 ELSE 1 END
  RETURNING renewals`;

const GIVE_UP = `
  DELETE FROM symphony_servers WHERE address = $1 AND incarnation = $2 AND renewals = $3`;

export interface PostgresLeaseOptions {
  /** Used only for the lease: it must not expire because many rooms wait for a connection. */
  readonly connections: Connections;
  readonly address: ServerAddress;
  readonly incarnation: Incarnation;
  /** How long the lease lasts, in milliseconds. */
  readonly leaseMs: number;
}

/** The lease of a server as a row. The row also lists the server, until it is given up. */
export class PostgresLeaseStore implements LeaseStore {
  readonly #options: PostgresLeaseOptions;

  constructor(options: PostgresLeaseOptions) {
    this.#options = options;
  }

  async write(): Promise<number> {
    const { connections, address, incarnation, leaseMs } = this.#options;
    const [row] = await bounded(() =>
      connections.query<{ renewals: number }>("renew the lease of this server", {
        name: "write-lease",
        text: WRITE,
        values: [address, leaseMs, incarnation],
      }),
    );
    return row?.renewals ?? 0;
  }

  async giveUp(renewals: number): Promise<void> {
    const { connections, address, incarnation } = this.#options;
    await connections.query("release the lease of this server", {
      name: "give-up-lease",
      text: GIVE_UP,
      values: [address, incarnation, renewals],
    });
  }
}
