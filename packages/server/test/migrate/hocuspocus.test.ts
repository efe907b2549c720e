import { randomBytes } from "node:crypto";
import { join as joinPath } from "node:path";
import { expect, it } from "vitest";
import * as Y from "yjs";
import { startServer, temporaryDirectory } from "../support/server-process.ts";
import { documentOf } from "./document-of.ts";
import { startHocuspocus } from "./hocuspocus-server.ts";
import { join, textIn } from "./people.ts";
import { runProgram } from "./run-program.ts";

const MIB = 1024 * 1024;
/** A client can use any of these names in a URL with `encodeURIComponent`. */
const NAMES = [
  "plain",
  "drafts/one",
  "100%",
  "what?",
  "a#b",
  "ümläut 🎻",
  "a%20b",
  "x".repeat(300),
];

/** Returns an edit that inserts into the root type `text`. */
function typing(text: string): (doc: Y.Doc) => void {
  return (doc) => doc.getText("text").insert(0, text);
}

it("copies documents under the same names while Hocuspocus is running", async () => {
  const file = joinPath(await temporaryDirectory(), "db.sqlite");
  const hocuspocus = await startHocuspocus(file);
  for (const name of NAMES) await hocuspocus.edit(name, typing(`written in ${name}`));
  // A document that was only opened has a row too.
  await hocuspocus.edit("only opened", () => {});
  const symphony = await startServer();
  const args = ["--from", file, "--to", symphony.url];

  const listed = await runProgram("from-hocuspocus", { args: [...args, "--dry-run"] });
  expect(listed).toMatchObject({ code: 0, complaints: "" });
  expect(listed.stdout).toMatch(/^2\tonly opened$/m);
  const rooms = await fetch(`${symphony.url}/api/rooms`);
  expect(await rooms.json()).toMatchObject({ total: 0 });

  const sent = await runProgram("from-hocuspocus", { args });
  expect(sent).toMatchObject({ code: 0, complaints: "" });
  expect(sent.stdout).toContain("8 sent");
  expect(sent.stdout).toContain("1 empty");

  await hocuspocus.edit("plain", typing("Still "));
  expect(await runProgram("from-hocuspocus", { args })).toMatchObject({ code: 0, complaints: "" });
  for (const name of NAMES) {
    const still = name === "plain" ? "Still " : "";
    const text = await textIn(symphony.wsUrl, encodeURIComponent(name));
    expect(text).toBe(`${still}written in ${name}`);
  }
});

it("copies large documents, deletions and subdocuments", async () => {
  const file = joinPath(await temporaryDirectory(), "db.sqlite");
  const hocuspocus = await startHocuspocus(file);
  const parts = Array.from({ length: 20 }, () => randomBytes(MIB));
  await hocuspocus.edit("large", (doc) => {
    for (const part of parts) doc.getArray("parts").push([new Uint8Array(part)]);
  });
  await hocuspocus.edit("deleted from", (doc) => {
    doc.getText("text").insert(0, "keep this, not that");
    doc.getText("text").delete(9, 10);
  });
  const chapter = new Y.Doc({ guid: "chapter-1", meta: { title: "One" } });
  await hocuspocus.edit("book", (doc) => {
    doc.getMap("chapters").set("one", chapter);
  });
  await hocuspocus.edit("chapter-1", typing("It begins."));
  const symphony = await startServer();
  const args = ["--from", file, "--to", symphony.url];
  expect(await runProgram("from-hocuspocus", { args })).toMatchObject({ code: 0, complaints: "" });
  const verified = await runProgram("from-hocuspocus", { args: [...args, "--verify"] });
  expect(verified).toMatchObject({ code: 0, complaints: "" });

  const { doc: large } = await join(symphony.wsUrl, "large");
  const arrived = large.getArray<Uint8Array>("parts").toArray();
  expect(arrived.length).toBe(parts.length);
  expect(parts.every((part, index) => part.equals(arrived[index] ?? new Uint8Array()))).toBe(true);
  expect(await textIn(symphony.wsUrl, "deleted from")).toBe("keep this");
  const { doc: book } = await join(symphony.wsUrl, "book");
  const one = book.getMap<Y.Doc>("chapters").get("one");
  expect(one?.guid).toBe("chapter-1");
  expect(one?.meta).toEqual({ title: "One" });
  expect(await textIn(symphony.wsUrl, one?.guid ?? "")).toBe("It begins.");
});

it("reports rows that cannot be copied, and copies the others", async () => {
  const file = joinPath(await temporaryDirectory(), "db.sqlite");
  const hocuspocus = await startHocuspocus(file);
  const update = documentOf("a text that is long enough to be cut off");
  hocuspocus.put("cut off", update.subarray(0, update.length - 10));
  hocuspocus.put("noise", Buffer.from("not an update at all, but some text"));
  hocuspocus.put("nothing", new Uint8Array());
  hocuspocus.put("control\u0007character", update);
  hocuspocus.put("x".repeat(513), update);
  hocuspocus.put("whole", update);
  const symphony = await startServer();
  const args = ["--from", file, "--to", symphony.url];
  const run = await runProgram("from-hocuspocus", { args });
  expect(run.code).toBe(1);
  expect(run.complaints).toContain('failed: "cut off": it is not a Yjs update');
  expect(run.complaints).toContain('failed: "noise": it is not a Yjs update');
  expect(run.complaints).toContain('failed: "nothing": it is empty, which no Yjs update is');
  expect(run.complaints).toMatch(
    /failed: "control\\u0007character": the server refuses it: 400 the room/,
  );
  expect(run.complaints).toMatch(
    /failed: "x{513}": the server refuses it: 400 the room name is longer/,
  );
  expect(run.stdout).toContain("6 documents");
  expect(run.stdout).toContain(": 1 sent, 5 failed");
  expect((await join(symphony.wsUrl, "whole")).text.toString()).toContain("long enough");
});

it("rejects a missing file or table", async () => {
  const file = joinPath(await temporaryDirectory(), "db.sqlite");
  await startHocuspocus(file);
  const missing = await runProgram("from-hocuspocus", { args: ["--from", `${file}-not`] });
  expect(missing.code).toBe(2);
  expect(missing.complaints).toContain(`of ${file}-not: unable to open database file`);
  const args = ["--from", file, "--table", 'no"such'];
  const table = await runProgram("from-hocuspocus", { args });
  expect(table.code).toBe(2);
  expect(table.complaints).toContain('no such table: no"such');
});
