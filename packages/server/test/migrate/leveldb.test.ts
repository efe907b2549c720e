import { writeFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { LeveldbPersistence } from "y-leveldb";
import { WebsocketProvider } from "y-websocket";
import { yWebsocket1 } from "../support/providers.ts";
import { startServer, temporaryDirectory } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { documentOf } from "./document-of.ts";
import { copyThatHolds } from "./leveldb-copy.ts";
import { startOldServer } from "./old-server.ts";
import { join, textIn } from "./people.ts";
import { runProgram } from "./run-program.ts";

const ADMIN_TOKEN = "an-admin-token-of-tests";

/** Room names of clients, by the names under which the old server stores the documents. */
const ROOMS = new Map([
  ["plain", "plain"],
  ["drafts/with/slashes", "drafts/with/slashes"],
  ["with%20a%20space", "with a space"],
  ["%C3%BCml%C3%A4ut-%F0%9F%8E%BB", "ümläut-🎻"],
  ["a%2Fb", "a%2Fb"],
  ["a+b&c=d", "a+b&c=d"],
  ["-", "-"],
]);

it("copies documents while clients write, and the rest once the old server is stopped", async () => {
  const directory = joinPath(await temporaryDirectory(), "leveldb");
  const old = await startOldServer("@y/websocket-server", directory);
  const texts = new Map([...ROOMS.keys()].map((stored) => [stored, `written in ${stored}`]));
  for (const [stored, room] of ROOMS) {
    (await join(old.wsUrl, room)).text.insert(0, `written in ${stored}`);
  }
  const copy = await copyThatHolds(directory, texts);
  const symphony = await startServer({ env: { ADMIN_TOKEN } });
  const env = { ADMIN_TOKEN };
  const resume = ["--resume", joinPath(await temporaryDirectory(), "arrived")];

  const to = ["--to", symphony.url];
  const first = await runProgram("from-leveldb", { args: ["--from", copy, ...to, ...resume], env });
  expect(first).toMatchObject({ code: 0, complaints: "" });
  expect(first.stdout).toMatch(/^7 documents \(.*\): 7 sent\n$/);

  texts.set("plain", "Still written in plain");
  (await join(old.wsUrl, "plain", yWebsocket1)).text.insert(0, "Still ");
  await copyThatHolds(directory, texts);
  await old.stop();
  const args = ["--from", directory, ...to];
  const before = await runProgram("from-leveldb", { args: [...args, "--verify"], env });
  expect(before.code).toBe(1);
  expect(before.complaints).toBe(
    'failed: "plain": the server lacks 6 inserted and 0 deleted elements\n',
  );

  const second = await runProgram("from-leveldb", { args: [...args, ...resume], env });
  expect(second.code).toBe(0);
  expect(second.stdout).toContain("6 unchanged since they were sent");
  expect(second.stdout).toContain("1 sent");
  const after = await runProgram("from-leveldb", { args: [...args, "--verify"], env });
  expect(after).toMatchObject({ code: 0, complaints: "" });
  expect(after.stdout).toContain("7 complete on the server");

  for (const [stored, room] of ROOMS) {
    expect(await textIn(symphony.wsUrl, room)).toBe(texts.get(stored));
  }
});

it("reads documents stored by the server of y-websocket 1", async () => {
  const directory = joinPath(await temporaryDirectory(), "leveldb");
  const old = await startOldServer("y-websocket-1", directory);
  (await join(old.wsUrl, "room", yWebsocket1)).text.insert(0, "text");
  const copy = await copyThatHolds(directory, new Map([["room", "text"]]));
  const symphony = await startServer();
  const args = ["--from", copy, "--to", symphony.url];
  expect(await runProgram("from-leveldb", { args })).toMatchObject({ code: 0, complaints: "" });
  expect(await textIn(symphony.wsUrl, "room")).toBe("text");
});

it("reports documents without a valid or unique room name, and reads names for them from a file", async () => {
  const directory = joinPath(await temporaryDirectory(), "leveldb");
  const old = await startOldServer("@y/websocket-server", directory);
  for (const room of ["100%", "", "%41", "A", "fine"]) {
    (await join(old.wsUrl, room)).text.insert(0, `written in ${room}`);
  }
  await copyThatHolds(directory, new Map([["fine", "written in fine"]]));
  await old.stop();
  const symphony = await startServer();
  const args = ["--from", directory, "--to", symphony.url];

  for (const more of [["--dry-run"], []]) {
    const run = await runProgram("from-leveldb", { args: [...args, ...more] });
    expect(run.code).toBe(1);
    expect(run.complaints).toContain(
      '"100%": no URL leads to it: its name is not valid percent-encoded UTF-8. Name its room',
    );
    expect(run.complaints).toMatch(/"": the server refuses .*: 400 the room name is empty/);
    expect(run.complaints).toContain('"%41": "A" would be the same room "A"');
    expect(run.complaints).toContain('"A": "%41" would be the same room "A"');
    expect(run.stdout).toContain(`5 documents`);
    expect(run.stdout).toContain(`: 1 ${more.length > 0 ? "listed" : "sent"}, 4 failed`);
  }

  const map = joinPath(await temporaryDirectory(), "map.json");
  await writeFile(map, JSON.stringify({ "100%": "all of it", "": "home", "%41": "another A" }));
  const listed = await runProgram("from-leveldb", { args: [...args, "--map", map, "--dry-run"] });
  expect(listed.code).toBe(0);
  expect(listed.stdout).toMatch(/^\d+\tall of it$/m);
  expect(listed.stdout).toMatch(/^\d+\tfine\texists: this will be merged into it$/m);
  const mapped = await runProgram("from-leveldb", { args: [...args, "--map", map] });
  expect(mapped).toMatchObject({ code: 0, complaints: "" });
  expect(await textIn(symphony.wsUrl, "all of it")).toBe("written in 100%");
  expect(await textIn(symphony.wsUrl, "home")).toBe("written in ");
  expect(await textIn(symphony.wsUrl, "A")).toBe("written in A");
  expect(await textIn(symphony.wsUrl, "another A")).toBe("written in %41");
});

it("rejects a locked directory or one without a LevelDB, and reports damaged documents", async () => {
  const directory = joinPath(await temporaryDirectory(), "leveldb");
  const persistence = new LeveldbPersistence(directory);
  for (const name of ["whole", "damaged"]) await persistence.storeUpdate(name, documentOf(name));
  await persistence.storeUpdate("damaged", Buffer.from("not an update at all"));
  await persistence.storeUpdate("only opened", Uint8Array.of(0, 0));
  const symphony = await startServer();
  const args = ["--from", directory, "--to", symphony.url];
  const locked = await runProgram("from-leveldb", { args });
  expect(locked.code).toBe(2);
  expect(locked.complaints).toContain("Another process has it open");
  await persistence.destroy();

  const damaged = await runProgram("from-leveldb", { args });
  expect(damaged.code).toBe(1);
  expect(damaged.complaints).toMatch(/^failed: "damaged": part 2 of 2 is not a Yjs update: .*\n$/);
  expect(damaged.stdout).toContain("1 sent");
  expect(damaged.stdout).toContain("1 empty");
  expect(await textIn(symphony.wsUrl, "whole")).toBe("whole");

  const other = ["--from", symphony.dataDir, "--to", symphony.url];
  const none = await runProgram("from-leveldb", { args: other });
  expect(none.code).toBe(2);
  expect(none.complaints).toContain("is not a LevelDB directory");
});

it("can be reverted: a document connected to both servers syncs them both ways", async () => {
  const directory = joinPath(await temporaryDirectory(), "leveldb");
  const old = await startOldServer("@y/websocket-server", directory);
  const symphony = await startServer();
  (await join(old.wsUrl, "room")).text.insert(0, "old ");
  (await join(symphony.wsUrl, "room")).text.insert(0, "new ");
  const both = await join(symphony.wsUrl, "room");
  const provider = new WebsocketProvider(old.wsUrl, "room", both.doc, { disableBc: true });
  onTestFinished(() => provider.destroy());
  for (const { wsUrl } of [old, symphony]) {
    const { text } = await join(wsUrl, "room");
    await waitFor(() => text.toString().includes("old") && text.toString().includes("new"), {
      message: () => `both texts are on the server; last seen: ${text.toString()}`,
    });
  }
});
