import { readdir, readFile } from "node:fs/promises";
import { getPriority } from "node:os";
import { expect, it, onTestFinished } from "vitest";
import * as Y from "yjs";
import { Codec } from "../../src/document/codec.ts";
import { fieldsOfStat } from "../support/thread-stat.ts";

/** How many threads of this process give way to others; a priority belongs to a thread on Linux. */
async function backgroundThreads(): Promise<number> {
  let count = 0;
  for (const thread of await readdir("/proc/self/task")) {
    const stat = await readFile(`/proc/self/task/${thread}/stat`, "utf8");
    const niceness = Number(fieldsOfStat(stat)[16]);
    if (niceness > getPriority()) count++;
  }
  return count;
}

function newCodec(): Codec {
  const codec = new Codec();
  onTestFinished(() => codec.close());
  return codec;
}

const doc = new Y.Doc();
doc.getText("text").insert(0, "text");
const update = Y.encodeStateAsUpdate(doc);

it("does at once what somebody waits for", async () => {
  await newCodec().run("makeBase", [update], "collect");
  expect(await backgroundThreads()).toBe(0);
});

it("lets what nobody waits for give way", async () => {
  await newCodec().runInBackground("makeBase", [update], "collect");
  expect(await backgroundThreads()).toBe(1);
});

it("lets nothing give way any more when it has to hurry", async () => {
  const codec = newCodec();
  codec.hurry();
  await codec.runInBackground("makeBase", [update], "collect");
  expect(await backgroundThreads()).toBe(0);
});
