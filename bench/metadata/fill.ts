import { Connections } from "../../packages/server/src/storage/postgres/connections.ts";
import { databaseOf } from "../../packages/server/src/storage/postgres/database.ts";

export interface Amounts {
  readonly rooms: number;
  readonly connections: number;
}

export const MINUTE_MS = 60_000;
export const HOUR_MS: number = 60 * MINUTE_MS;
export const DAY_MS: number = 24 * HOUR_MS;

/** The time of all measurements: an hour is nearly over, and not aggregated yet. */
export const NOW: number = Date.UTC(2026, 10, 24, 12, 59);
/** How far back connections and activity go. */
export const CONNECTIONS_MS: number = 90 * DAY_MS;
export const ACTIVITY_MS: number = 365 * DAY_MS;
export const SERVERS = 100;

/** Each statement fills one table. */
const STATEMENT_MS = 60 * MINUTE_MS;

/** Fills the tables of an empty database, with SQL that generates the rows in the database. */
export async function fill(url: string, amounts: Amounts): Promise<void> {
  const logger = { debug: () => {} };
  const connections = new Connections({
    database: databaseOf(url),
    most: 1,
    statementTimeout: STATEMENT_MS,
    settings: { maintenance_work_mem: "1GB" },
    logger,
  });
  const run = (text: string) => connections.query<{ text: string }>("fill the database", { text });
  try {
    await run(rooms(amounts));
    // Building an index afterwards is faster than updating it.
    const indexes = await run(
      "SELECT indexdef AS text FROM pg_indexes WHERE tablename = 'connections'",
    );
    await run("ALTER TABLE connections DROP CONSTRAINT connections_pkey");
    for (const { text } of indexes)
      await run(text.replace(/^CREATE.* INDEX (\S+) .*$/, "DROP INDEX IF EXISTS $1"));
    await run(connectionsOver(amounts));
    for (const { text } of indexes) await run(text);
    await run("ALTER TABLE connections ADD PRIMARY KEY USING INDEX connections_pkey");
    await run(activityTotals("activity_by_minute", MINUTE_MS));
    await run(activityTotals("activity_by_hour", HOUR_MS));
    await run(activityByServer());
    await run("VACUUM ANALYZE");
  } finally {
    await connections.close();
  }
}

/** Returns SQL for the name of the room with this number. */
function roomName(number: string): string {
  const kind = `(ARRAY['notes', 'Drawing', 'meeting', 'Übersicht'])[1 + ${number} % 4]`;
  return `'Team ' || ${number} % 997 || '/' || ${kind} || '-' || left(md5((${number})::text), 8)`;
}

function serverName(number: string): string {
  return `'10.0.0.' || ${number} || ':1234'`;
}

function rooms({ rooms }: Amounts): string {
  const created = `${NOW - ACTIVITY_MS} + n * ${ACTIVITY_MS / rooms}::float8`;
  return `
    INSERT INTO rooms (name, created_at, updated_at, bytes)
    SELECT ${roomName("n")}, ${created},
      CASE WHEN n % 10 <> 0 THEN ${created} + random() * (${NOW} - (${created})) END,
      CASE WHEN n % 10 <> 0 THEN 200 * exp(8 * random()) ELSE 0 END
    FROM generate_series(0, ${rooms - 1}) AS n`;
}

/**
 * Some rooms have many more connections than others. One connection in a hundred lasts for days.
 */
function connectionsOver({ rooms, connections }: Amounts): string {
  return `
    INSERT INTO connections (connection, room, server, connected_at, disconnected_at)
    SELECT gen_random_uuid(), ${roomName("room")}, ${serverName("server")}, connected_at,
      CASE WHEN connected_at + lasted < ${NOW} THEN connected_at + lasted END
    FROM (
      SELECT
        floor(power(random(), 3) * ${rooms})::int AS room,
        floor(random() * ${SERVERS})::int AS server,
        (${NOW - CONNECTIONS_MS} + n * ${CONNECTIONS_MS / connections}::float8)::bigint AS connected_at,
        (CASE WHEN random() < 0.01 THEN ${DAY_MS} * (1 + 6 * random())
          ELSE -${20 * MINUTE_MS} * ln(1 - random()) END)::bigint AS lasted
      FROM generate_series(0, ${connections - 1}) AS n
    ) AS connection`;
}

function activityTotals(table: string, step: number): string {
  const lastHour = NOW - (NOW % HOUR_MS) - HOUR_MS;
  return `
    INSERT INTO ${table} (at, connections, rooms, connects)
    SELECT at, 20000 * random(), 5000 * random(), 900 * random()
    FROM generate_series(${NOW - ACTIVITY_MS - (NOW % HOUR_MS)}, ${lastHour - step}, ${step}) AS at`;
}

function activityByServer(): string {
  return `
    INSERT INTO activity_by_server (minute, server, connections, rooms, connects)
    SELECT minute, ${serverName("server")}, 200 * random(), 50 * random(), 9 * random()
    FROM generate_series(${NOW - 2 * DAY_MS}, ${NOW}, ${MINUTE_MS}) AS minute,
      generate_series(0, ${SERVERS - 1}) AS server`;
}
