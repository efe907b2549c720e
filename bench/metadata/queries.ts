import type { Metadata, RoomSort } from "../../packages/server/src/storage/metadata.ts";
import { ACTIVITY_MS, CONNECTIONS_MS, DAY_MS, HOUR_MS, MINUTE_MS, NOW, SERVERS } from "./fill.ts";

/** One read or write of the metadata. */
export interface Query {
  readonly name: string;
  /** @param random a number in [0, 1) from which the parameters are derived */
  run(random: number): Promise<unknown>;
}

const PAGE = 50;
const SORTS: readonly RoomSort[] = ["name", "created", "updated", "bytes"];
/** These match nearly all rooms, many, some, one, and none. */
const SEARCHES = ["team", "ÜBERS", "notes-a", "g-12", "-0f3a", "a%_\\", "nobody has this"];

/** @param names names of some rooms */
export async function queriesOf(
  metadata: Metadata,
  names: readonly string[],
): Promise<readonly Query[]> {
  const queries: Query[] = [];
  for (const sort of SORTS) queries.push(await pageOf(metadata, sort));
  for (const sort of SORTS) queries.push(searchBy(metadata, sort));
  return [...queries, ...ofSomeRooms(metadata, names), ...overTime(metadata), ...writes(metadata)];
}

/** Picks a page anywhere in the list. */
async function pageOf(metadata: Metadata, sort: RoomSort): Promise<Query> {
  const directions: (string | undefined)[][] = [];
  for (const descending of [false, true]) {
    const cursors: (string | undefined)[] = [undefined];
    let after: string | undefined;
    do {
      const page = await metadata.rooms({ sort, descending, limit: 1_000, after });
      after = page.next ?? undefined;
      cursors.push(after);
    } while (after !== undefined);
    directions.push(cursors);
  }
  return {
    name: `${PAGE} rooms by ${sort}, any page`,
    run: (random) => {
      const descending = random < 0.5;
      const cursors = directions[descending ? 1 : 0] ?? [];
      const after = pick(cursors, (2 * random) % 1);
      return metadata.rooms({ sort, descending, limit: PAGE, after });
    },
  };
}

function searchBy(metadata: Metadata, sort: RoomSort): Query {
  return {
    name: `${PAGE} rooms by ${sort}, of a search`,
    run: (random) => {
      const search = pick(SEARCHES, (2 * random) % 1);
      return metadata.rooms({ sort, descending: random < 0.5, limit: PAGE, search });
    },
  };
}

function ofSomeRooms(metadata: Metadata, names: readonly string[]): readonly Query[] {
  const name = (random: number) => pick(names, random);
  return [
    { name: "one room", run: (random) => metadata.room(name(random)) },
    {
      name: "1,000 rooms by their names",
      run: (random) => {
        const start = Math.floor(random * (names.length - 1_000));
        return metadata.roomsNamed(names.slice(start, start + 1_000));
      },
    },
    {
      name: `the ${PAGE} newest connections to a room`,
      run: (random) => metadata.connectionsOf(name(random), { limit: PAGE }),
    },
    {
      name: `${PAGE} older connections to a room`,
      run: (random) => {
        const connectedAt = Math.floor(NOW - random * CONNECTIONS_MS);
        const before = { connectedAt, connection: "" };
        return metadata.connectionsOf(name((7 * random) % 1), { limit: PAGE, before });
      },
    },
  ];
}

function overTime(metadata: Metadata): readonly Query[] {
  const activity = (name: string, length: number, bucket: number): Query => ({
    name: `activity: ${name}`,
    run: (random) => {
      const to = NOW - Math.floor((random * length) / 10);
      return metadata.activity({ from: to - length, to, bucket });
    },
  });
  return [
    {
      name: "200 connections that were open in an hour",
      run: (random) => {
        const from = Math.floor(NOW - random * CONNECTIONS_MS);
        return metadata.connections({ from, to: from + HOUR_MS, limit: 200 });
      },
    },
    activity("a day by 5 minutes", DAY_MS, 5 * MINUTE_MS),
    activity("a week by minute", 7 * DAY_MS, MINUTE_MS),
    activity("90 days by 7 hours", 90 * DAY_MS, 7 * HOUR_MS),
    activity("a year by hour", ACTIVITY_MS, HOUR_MS),
    activity("a year by day", ACTIVITY_MS, DAY_MS),
    activity("a year by 25 hours and a minute", ACTIVITY_MS, 25 * HOUR_MS + MINUTE_MS),
  ];
}

/** Writes of servers. Each run is for another server, or a little later, than the previous one. */
function writes(metadata: Metadata): readonly Query[] {
  let count = 0;
  let forgotten = 0;
  const server = () => `10.0.0.${count++ % SERVERS}:1234`;
  return [
    {
      name: "write 100 connections, and their ends",
      run: (random) => {
        count += 1;
        const ids = Array.from({ length: 100 }, (_, index) => `${random}-${count}-${index}`);
        const room = `new ${count}`;
        return metadata.record([
          { type: "room-opened", room, at: NOW },
          ...ids.map((connection) => ({
            type: "connected" as const,
            connection,
            room,
            server: "10.0.0.1:1234",
            at: NOW,
          })),
          ...ids.map((connection) => ({ type: "disconnected" as const, connection, at: NOW + 1 })),
          { type: "room-saved", room, at: NOW, bytes: 5_000 },
        ]);
      },
    },
    {
      name: "write the activity of a server",
      run: () => {
        const figures = { connections: 100, rooms: 50, connects: count };
        return metadata.recordActivity({ server: server(), minute: NOW, ...figures });
      },
    },
    {
      name: "add up the activity of the last hours",
      run: () => metadata.rollUpActivity(NOW),
    },
    {
      name: "end the connections of a dead server",
      run: () => metadata.closeConnectionsOf(server(), NOW),
    },
    {
      name: "forget the connections of ten minutes",
      run: () => {
        forgotten += 10 * MINUTE_MS;
        return metadata.forgetConnections(NOW - CONNECTIONS_MS + forgotten);
      },
    },
  ];
}

function pick<Item>(items: readonly Item[], random: number): Item {
  const item = items[Math.floor(random * items.length)];
  if (item === undefined && items.length === 0) throw new Error("There is nothing to pick from.");
  return item as Item;
}
