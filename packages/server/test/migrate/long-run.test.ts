import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join as joinPath } from "node:path";
import { freePort } from "@symphony/services/free-ports";
import { expect, it } from "vitest";
import { LeveldbPersistence } from "y-leveldb";
import { commonOptions, readOptions } from "../../../../examples/migrate/src/options.ts";
import { startServer, temporaryDirectory } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { startBusyFront } from "./busy-front.ts";
import { documentOf } from "./document-of.ts";
import { textIn } from "./people.ts";
import { Running, runProgram } from "./run-program.ts";

/** Thousands of documents take long on a busy machine. */
const LONG_MS = 100_000;

/** Creates a directory like one of `y-websocket-server`. */
async function leveldbWith(rooms: number): Promise<string> {
  const directory = joinPath(await temporaryDirectory(), "leveldb");
  const persistence = new LeveldbPersistence(directory);
  for (let room = 0; room < rooms; room += 1) {
    await persistence.storeUpdate(`room-${room}`, documentOf(`of ${room}`));
  }
  await persistence.destroy();
  return directory;
}

async function roomsAt(url: string): Promise<number> {
  const response = await fetch(`${url}/api/rooms?limit=1`);
  return ((await response.json()) as { total: number }).total;
}

function linesOf(path: string): number {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").length : 0;
}

it(
  "resumes where it was interrupted, with 1,000 rooms and a restart of the server",
  async () => {
    const directory = await leveldbWith(1_000);
    const resume = joinPath(await temporaryDirectory(), "arrived");
    const port = await freePort();
    const first = await startServer({ port });
    const args = ["--from", directory, "--to", first.url, "--resume", resume, "--concurrency", "8"];

    const interrupted = new Running("from-leveldb", { args });
    await waitFor(() => linesOf(resume) > 100, {
      timeout: LONG_MS,
      message: () => `at least 100 documents have arrived: ${interrupted.stderr}`,
    });
    interrupted.kill();
    await interrupted.ended;
    const before = linesOf(resume) - 1;
    expect(before).toBeLessThan(1_000);
    // As if it had been interrupted in the middle of a line.
    appendFileSync(resume, '\n{"server":"http://127');

    const again = new Running("from-leveldb", { args });
    await waitFor(() => linesOf(resume) > before + 100, {
      timeout: LONG_MS,
      message: () => `at least 100 more documents have arrived: ${again.stderr}`,
    });
    await first.kill();
    await waitFor(() => again.stderr.includes("trying again in"), {
      timeout: LONG_MS,
      message: () => `the program retries: ${again.stderr}`,
    });
    const second = await startServer({ port, dataDir: first.dataDir });
    const ended = await again.ended;
    expect(ended.code).toBe(0);
    const unchanged = Number(/(\d+) unchanged/.exec(ended.stdout)?.[1]);
    expect(unchanged).toBeGreaterThan(0);
    expect(ended.stdout).toContain(`${1_000 - unchanged} sent`);

    // What a killed server had received is durable, but may be missing from the list of rooms.
    const third = await runProgram("from-leveldb", { args });
    expect(third).toMatchObject({ code: 0, complaints: "" });
    await waitFor(async () => (await roomsAt(second.url)) === 1_000, {
      message: "all rooms are listed",
    });
    for (const room of [0, 500, 999]) {
      expect(await textIn(second.wsUrl, `room-${room}`)).toBe(`of ${room}`);
    }
  },
  3 * LONG_MS,
);

it("retries documents that the server temporarily refuses", async () => {
  const directory = await leveldbWith(3);
  const symphony = await startServer();
  const front = await startBusyFront(symphony.url, [
    { status: 503 },
    "hang up",
    { status: 429, retryAfter: "1" },
  ]);
  const args = ["--from", directory, "--to", front, "--concurrency", "1"];
  const run = await runProgram("from-leveldb", { args });
  expect(run.code).toBe(0);
  expect(run.complaints).toMatch(/^503 refused with 503; trying again in 0\.\d s$/m);
  expect(run.complaints).toMatch(/^429 refused with 429; trying again in [12]\.\d s$/m);
  expect(run.complaints.match(/trying again/g)?.length).toBe(3);
  expect(run.stdout).toContain(": 3 sent");
  expect(await textIn(symphony.wsUrl, "room-2")).toBe("of 2");
});

it("gives up on a document after too many refusals, and stops if the server is unreachable", async () => {
  const directory = await leveldbWith(3);
  const symphony = await startServer();
  const front = await startBusyFront(symphony.url, [
    { status: 503 },
    { status: 503 },
    "hang up",
    "hang up",
  ]);
  const args = ["--from", directory, "--to", front, "--concurrency", "1", "--attempts", "2"];
  const run = await runProgram("from-leveldb", { args });
  expect(run.code).toBe(1);
  expect(run.complaints).toContain('failed: "room-0": the server refuses it: 503 refused with 503');
  expect(run.complaints).toMatch(/^stopped: .* cannot be reached: .* 2 documents are left\./m);
  const again = await runProgram("from-leveldb", { args });
  expect(again).toMatchObject({ code: 0, complaints: "" });
});

it("reports a wrong token, an unreachable server and an invalid URL", async () => {
  const directory = await leveldbWith(1);
  const symphony = await startServer({ env: { ADMIN_TOKEN: "an-admin-token-of-tests" } });
  const begin = async (...args: string[]) => {
    const { code, complaints } = await runProgram("from-leveldb", {
      args: ["--from", directory, ...args],
      env: { ADMIN_TOKEN: "another-token-of-tests" },
    });
    expect(code).toBe(2);
    expect(complaints).not.toContain("another-token-of-tests");
    return complaints;
  };
  expect(await begin("--to", symphony.url)).toContain("set ADMIN_TOKEN to that of the server");
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  expect(await begin("--to", nowhere, "--attempts", "1")).toContain("cannot be reached: connect");
  expect(await begin("--to", "127.0.0.1:1234")).toContain("it must be an address that begins");
});

it.each([
  [["--verify", "--dry-run"], "--dry-run and --verify exclude each other"],
  [["--to", "ftp://example.com"], "--to is ftp://example.com: it must be an address"],
  [["--concurrency", "0"], "--concurrency is 0: it must be from 1 to 64"],
  [["--attempts", "many"], "--attempts is many: it must be from 1 to 1000"],
  [["--map", "/dev/null"], "--map /dev/null: "],
  [["--nonsense"], "--nonsense"],
  [["positional"], "positional"],
])("rejects the options %j", (args, message) => {
  expect(() => commonOptions(readOptions(args, {}))).toThrow(message);
});
