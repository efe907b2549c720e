import { freePorts } from "@symphony/services/free-ports";
import { describe, expect, it } from "vitest";
import { bucketsOf } from "../../src/http/api/activity-range.ts";
import { connectionsSchema, serversSchema } from "../../src/http/api/schemas.ts";
import { ADDRESS, TestApi } from "./api-parts.ts";
import { detailOf } from "./http-parts.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOON = Date.parse("2026-03-01T12:00:00.000Z");

describe("connections over time", () => {
  it("are returned as recorded, summed over all servers", async () => {
    const api = await TestApi.start();
    for (const [server, connections] of [
      ["127.0.0.1:1", 5],
      ["127.0.0.1:2", 7],
    ] as const) {
      const minute = NOON + MINUTE;
      await api.metadata.recordActivity({ server, minute, connections, rooms: 2, connects: 9 });
    }
    const query = "from=2026-03-01T12:00:00.000Z&to=2026-03-01T12:02:30.000Z&bucket=60";
    expect(await api.get(`/connections?${query}`, connectionsSchema)).toEqual({
      from: "2026-03-01T12:00:00.000Z",
      to: "2026-03-01T12:03:00.000Z",
      bucket: 60,
      points: [
        { at: "2026-03-01T12:00:00.000Z", connections: 0, rooms: 0, connects: 0 },
        { at: "2026-03-01T12:01:00.000Z", connections: 12, rooms: 4, connects: 18 },
        { at: "2026-03-01T12:02:00.000Z", connections: 0, rooms: 0, connects: 0 },
      ],
    });
    const day = await api.get("/connections", connectionsSchema);
    expect(day.bucket).toBe(300);
    expect(day.points.length).toBeGreaterThanOrEqual(288);
    expect(Date.parse(day.to) - Date.parse(day.from)).toBe(day.points.length * 5 * MINUTE);
  });

  it("are refused for malformed parameters", async () => {
    const api = await TestApi.start();
    for (const [query, reason] of [
      ["from=yesterday", 'from is "yesterday"'],
      ["from=2026-03-01T12:00:00.000Z&to=2026-03-01T12:00:00.000Z", "before"],
      ["bucket=59", "bucket"],
      ["bucket=61", "multiple of 60"],
      ["bucket=1e99", "bucket"],
      ["from=2000-01-01T00:00:00.000Z&bucket=60", "points"],
      ["from=0000-01-01T00:00:00.000Z&to=9999-01-01T00:00:00.000Z&bucket=60", "points"],
    ] as const) {
      const answer = await api.request(`/connections?${query}`);
      expect(answer.status, query).toBe(400);
      expect(detailOf(answer)).toContain(reason);
    }
  });
});

describe("the buckets of a time range", () => {
  it("number about 300 at most and divide days evenly where possible", () => {
    for (const [range, bucket] of [
      [HOUR, MINUTE],
      [DAY, 5 * MINUTE],
      [7 * DAY, HOUR],
      [30 * DAY, 3 * HOUR],
      [365 * DAY, 2 * DAY],
    ] as const) {
      const from = new Date(NOON - range).toISOString();
      expect(bucketsOf({ from }, NOON).bucket).toBe(bucket);
    }
  });

  it("are aligned and cover the whole range", () => {
    const now = NOON + 12_345;
    const { from, to, bucket } = bucketsOf({ bucket: 3_600 }, now);
    expect([from % bucket, to % bucket]).toEqual([0, 0]);
    expect(to).toBeGreaterThanOrEqual(now);
    expect(from).toBeLessThanOrEqual(now - DAY);
  });
});

describe("the list of servers", () => {
  it("has the status of each server and names the unreachable ones", async () => {
    const other = `127.0.0.1:${(await freePorts(1))[0]}`;
    const api = await TestApi.start({ servers: async () => ({ alive: [other], lapsed: [] }) });
    api.connect("a");
    const { servers, unreachable } = await api.get("/servers", serversSchema);
    expect(servers).toMatchObject([
      {
        address: ADDRESS,
        version: "1.2.3",
        startedAt: "1970-01-01T00:00:00.000Z",
        documents: 0,
        connections: 1,
        lease: "none",
        draining: false,
        failing: {},
      },
    ]);
    expect(unreachable).toMatchObject([{ address: other }]);
  });
});
