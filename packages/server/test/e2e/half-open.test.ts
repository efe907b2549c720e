import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { EditingClient } from "../support/editing-client.ts";
import { IoFaults } from "../support/faults/io-faults.ts";
import { readRoom } from "../support/raw-client.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait-for.ts";

let faults: IoFaults;
beforeAll(async () => {
  faults = await IoFaults.prepare();
});
afterAll(() => faults.dispose());

let server: ServerProcess;
let network: TcpProxy;
const clients: EditingClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  await network.close();
  await server.kill();
  await faults.clear();
});

/** Connects a client whose network will break, and one that sees what the server has received. */
async function joined(room: string): Promise<{ author: EditingClient; witness: EditingClient }> {
  server = await startServer({ env: faults.env });
  network = await TcpProxy.start(server.port);
  const [author, witness] = [new EditingClient(), new EditingClient()];
  clients.push(author, witness);
  await author.connect(`ws://127.0.0.1:${network.port}`, room);
  await witness.connect(server.wsUrl, room);
  author.doc.getText("text").insert(0, "saved");
  await waitFor(() => author.acknowledged === 5 && textOf(witness) === "saved", {
    message: "the first edit is acknowledged and delivered",
  });
  return { author, witness };
}

function textOf({ doc }: EditingClient): string {
  return doc.getText("text").toString();
}

/** Makes the journal fail. The author then writes, and must not get its own writes echoed. */
async function writeWithoutJournal(author: EditingClient, witness: EditingClient): Promise<void> {
  await faults.set({ writes: "ENOSPC", path: "journal.db" });
  author.doc.getText("text").delete(0, 2);
  author.doc.getText("text").insert(0, "lost?");
  await waitFor(() => textOf(witness) === "lost?ved", {
    message: () => `the witness sees the unsaved edit; last seen: ${textOf(witness)}`,
  });
}

/** Checks that nothing unsaved was acknowledged, and that everything acknowledged survives a crash. */
async function crashAndCompare(author: EditingClient, room: string): Promise<void> {
  expect(author.acknowledged).toBe(5);
  expect(author.acknowledgedDeletes).toEqual([]);
  await server.kill();
  await faults.clear();
  server = await startServer({ dataDir: server.dataDir });
  expect(author.missingFrom(await readRoom(server.wsUrl, room))).toEqual([]);
}

describe("a client with a half-open connection gets no acknowledgement for unsaved edits", () => {
  it("when it reconnects to the same server while the journal fails", async () => {
    const { author, witness } = await joined("room");
    await writeWithoutJournal(author, witness);
    network.silence();
    await author.connect(server.wsUrl, "room");
    // Once this edit arrives, the server has sent everything about the content so far.
    witness.doc.getText("text").insert(0, "!");
    await waitFor(() => textOf(author).startsWith("!"), {
      message: () =>
        `the author sees the witness's edit after reconnecting; last seen: ${textOf(author)}`,
    });
    author.doc.getText("text").insert(0, "?");
    await waitFor(() => textOf(witness).startsWith("?"), {
      message: () =>
        `the witness sees the author's edit on the new connection; last seen: ${textOf(witness)}`,
    });
    await crashAndCompare(author, "room");
  });

  it("when it reconnects several times", async () => {
    const { author, witness } = await joined("room");
    await writeWithoutJournal(author, witness);
    const networks = [network];
    for (let i = 0; i < 3; i++) {
      networks.at(-1)?.silence();
      network = await TcpProxy.start(server.port);
      networks.push(network);
      await author.connect(`ws://127.0.0.1:${network.port}`, "room");
      author.doc.getText("text").insert(0, String(i));
      await waitFor(() => textOf(witness).startsWith(String(i)), {
        message: () =>
          `the witness sees the author's edit on each connection; last seen: ${textOf(witness)}`,
      });
    }
    await crashAndCompare(author, "room");
    for (const one of networks.slice(0, -1)) await one.close();
  });
});
