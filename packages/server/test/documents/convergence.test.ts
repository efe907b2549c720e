import fc from "fast-check";
import { afterAll, beforeAll, it } from "vitest";
import * as Y from "yjs";
import type { ServerDocument } from "../../src/index.ts";
import { EditingClient } from "../support/editing-client.ts";
import { readRoom } from "../support/raw-client.ts";
import { waitFor } from "../support/wait-for.ts";
import { type ServerHere, startServerForFile } from "./server-here.ts";

/** One participant's action. Positions and lengths are taken modulo the current length. */
type Step =
  | { act: "insert"; who: number; at: number; text: string }
  | { act: "delete"; who: number; at: number; length: number }
  | { act: "set"; who: number; key: string; value: number }
  | { act: "undo"; who: number }
  | { act: "reopen"; who: number }
  | { act: "pause" };

const PARTICIPANTS = 4;
const who = fc.nat(PARTICIPANTS - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      act: fc.constant("insert" as const),
      who,
      at: fc.nat(),
      text: fc.string({ minLength: 1, maxLength: 20 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      act: fc.constant("delete" as const),
      who,
      at: fc.nat(),
      length: fc.integer({ min: 1, max: 10 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constant("set" as const),
      who,
      key: fc.constantFrom("a", "b", "c"),
      value: fc.integer(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("undo" as const), who }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("reopen" as const), who }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant("pause" as const) }) },
);

/** A writer in a room: code in the server's process, or a client. */
class Participant {
  readonly #server: ServerHere;
  readonly #room: string;
  readonly #isClient: boolean;
  #open: ServerDocument | EditingClient | undefined;
  #undo: Y.UndoManager | undefined;

  constructor(server: ServerHere, room: string, isClient: boolean) {
    this.#server = server;
    this.#room = room;
    this.#isClient = isClient;
  }

  get doc(): Y.Doc {
    if (this.#open === undefined) throw new Error("not open");
    return this.#open.doc;
  }

  async open(): Promise<void> {
    if (this.#isClient) {
      const client = new EditingClient();
      await client.connect(this.#server.wsUrl, this.#room);
      this.#open = client;
    } else {
      this.#open = await this.#server.openDocument(this.#room);
    }
    this.#undo = new Y.UndoManager(this.doc.getText("text"), { captureTimeout: 0 });
  }

  /** Waits until all of its writes are durable. */
  async save(): Promise<void> {
    const open = this.#open;
    if (!(open instanceof EditingClient)) {
      await open?.whenDurable();
      return;
    }
    // The echo of a deletion may not identify its writer; it is durable once a later write is.
    open.doc.getMap("saved").set("by", open.doc.clientID);
    await waitFor(() => open.acknowledged === open.clock, {
      message: "all writes have been acknowledged",
    });
  }

  async close(): Promise<void> {
    this.#undo?.destroy();
    if (this.#open instanceof EditingClient) await this.#open.disconnect();
    else this.#open?.close();
  }

  async perform(step: Exclude<Step, { act: "pause" }>): Promise<void> {
    const text = this.doc.getText("text");
    switch (step.act) {
      case "insert":
        text.insert(step.at % (text.length + 1), step.text);
        break;
      case "delete": {
        const at = step.at % (text.length + 1);
        text.delete(at, Math.min(step.length, text.length - at));
        break;
      }
      case "set":
        this.doc.getMap("map").set(step.key, step.value);
        break;
      case "undo":
        this.#undo?.undo();
        break;
      case "reopen":
        // When a client is cut off, updates that it sent but nobody received may be lost.
        await this.save();
        await this.close();
        await this.open();
    }
  }
}

function contentOf(doc: Y.Doc): string {
  const map = doc.getMap<number>("map").toJSON();
  return JSON.stringify([doc.getText("text").toString(), Object.entries(map).sort()]);
}

let server: ServerHere;
beforeAll(async () => {
  server = await startServerForFile({ SNAPSHOT_INTERVAL_MS: "50", UNLOAD_DELAY_MS: "0" });
});
afterAll(() => server.close());

it("documents of clients and of the server's own code converge after any edits", async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const room = `run-${run++}`;
      const all = Array.from(
        { length: PARTICIPANTS },
        (_, i) => new Participant(server, room, i % 2 === 1),
      );
      await Promise.all(all.map((participant) => participant.open()));
      for (const step of steps) {
        if (step.act === "pause") await new Promise((resolve) => setTimeout(resolve, 3));
        else await all[step.who]?.perform(step);
      }
      const contents = () => all.map(({ doc }) => contentOf(doc));
      await waitFor(() => new Set(contents()).size === 1, { message: () => contents().join("\n") });
      for (const participant of all) {
        await participant.save();
        await participant.close();
      }
      await waitFor(async () => contentOf(await readRoom(server.wsUrl, room)) === contents()[0], {
        message: "the server has the same content",
      });
    }),
    // Shrinking a counterexample would exceed the test's timeout.
    { numRuns: Number(process.env.RUNS ?? 30), endOnFailure: true },
  );
});
