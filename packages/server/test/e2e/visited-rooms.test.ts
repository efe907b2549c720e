import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { roomListSchema } from "../../src/http/api/schemas.ts";
import { updateOf } from "../http/api-parts.ts";
import { RawClient } from "../support/raw-client.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

async function rooms(server: ServerProcess, query: string): Promise<(string | undefined)[]> {
  const answer = await fetch(`${server.url}/api/rooms?${query}`);
  return roomListSchema.parse(await answer.json()).rooms.map(({ name }) => name);
}

async function visit(server: ServerProcess, room: string): Promise<RawClient> {
  const client = await RawClient.connect(server.wsUrl, room);
  client.sendStep1();
  await client.first("step2");
  return client;
}

it("lists rooms that were only visited while they are open, and not afterwards", async () => {
  const server = await startServer({ env: { UNLOAD_DELAY_MS: "100" } });
  const names = Array.from({ length: 20 }, (_, i) => `visited-${i}`);
  const visitors = await Promise.all(names.map((name) => visit(server, name)));
  const writer = await visit(server, "written");
  writer.sendUpdate(updateOf("content"));
  // The writer's own update is echoed once it is durable.
  await writer.first("update");
  const all = ["written", ...names].sort();
  await waitFor(async () => (await rooms(server, "limit=100")).length === all.length, {
    message: "all rooms are listed",
  });
  expect((await rooms(server, "limit=100&search=visited")).length).toBe(names.length);
  expect((await rooms(server, "limit=100&active=true")).sort()).toEqual(all);
  await Promise.all([writer, ...visitors].map((client) => client.close()));
  await waitFor(async () => (await rooms(server, "limit=100")).length === 1, {
    message: "only the written room is listed",
  });
  const [last] = await Promise.all([visit(server, "visited when it ends")]);
  await server.stop();
  expect((await last.closed).code).toBe(1012);
  const again = await startServer({ dataDir: server.dataDir });
  expect(await rooms(again, "limit=100")).toEqual(["written"]);
});

it("limits the number of recorded connections, and still counts all of them", async () => {
  const server = await startServer({ env: { MAX_CONNECTION_RECORDS_PER_DAY: "5" } });
  for (let i = 0; i < 30; i++) await (await visit(server, "room")).close();
  await server.stop();
  const database = new DatabaseSync(join(server.dataDir, "metadata.db"), { readOnly: true });
  const recorded = database.prepare("SELECT disconnected_at FROM connections").all();
  const counted = database.prepare("SELECT sum(connects) AS sum FROM activity_by_server").get();
  database.close();
  expect(recorded).toHaveLength(5);
  expect(recorded.every(({ disconnected_at }) => disconnected_at !== null)).toBe(true);
  expect(counted?.sum).toBe(30);
});
