import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as Y from "yjs";
import { ClosedError, DeletedError, DocumentClosedError, RoomNameError } from "../../src/index.ts";
import { whenDone } from "../http/http-parts.ts";
import { type Session13, yWebsocket31 } from "../support/providers.ts";
import { RawClient, readRoom } from "../support/raw-client.ts";
import { startServer, temporaryDirectory } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { type ServerHere, startServerForFile, startServerHere } from "./server-here.ts";
import { writeUntilKilled } from "./writer-process.ts";

/** Shared by most tests, each of which uses its own room. */
let server: ServerHere;
let room: string;
beforeAll(async () => {
  server = await startServerForFile();
});
beforeEach(() => {
  room = randomUUID();
});
afterAll(() => server.close());

/** A user with a real provider, connected until the test ends. */
async function join({ wsUrl }: ServerHere, room: string, name = "a person"): Promise<Session13> {
  const session = yWebsocket31.open(wsUrl, room, { presence: { name } });
  whenDone(async () => session.destroy());
  await waitFor(() => session.isSynced, { message: "the client has synced" });
  return session;
}

async function shows(text: { toString(): string }, expected: string): Promise<void> {
  await waitFor(() => text.toString() === expected, {
    message: () => `the text is "${expected}", not "${text}"`,
  });
}

/** Waits until the room is unloaded, so that the next `openDocument` reads it from the store. */
async function isUnloaded(): Promise<void> {
  await waitFor(() => server.logs.some((line) => line.msg === "unloaded" && line.room === room), {
    message: "the document has been unloaded",
  });
}

describe("a document opened in the server's process", () => {
  it("is complete once opened, and edits like any client", async () => {
    const person = await join(server, room);
    person.text.insert(0, "hello");
    await waitFor(async () => (await readRoom(server.wsUrl, room)).getText("text").length === 5, {
      message: "the server has the text",
    });

    const opened = await server.openDocument(room);
    const text = opened.doc.getText("text");
    expect(text.toString()).toBe("hello");
    text.insert(5, " world");
    await shows(person.text, "hello world");
    person.text.insert(0, "> ");
    await shows(text, "> hello world");
  });

  it("marks remote changes with itself as the origin, and does not receive its own changes", async () => {
    const person = await join(server, room);
    const opened = await server.openDocument(room);
    const text = opened.doc.getText("text");
    const seen: [isOthers: boolean, isLocal: boolean, delta: unknown][] = [];
    text.observe(({ delta, transaction: { origin, local } }) => {
      seen.push([origin === opened, local, delta]);
    });
    text.insert(0, "mine");
    await opened.whenDurable();
    await shows(person.text, "mine");
    person.text.insert(0, "yours ");
    await shows(text, "yours mine");
    // Echoes of its own writes arrived before that.
    expect(seen).toEqual([
      [false, true, [{ insert: "mine" }]],
      [true, false, [{ insert: "yours " }]],
    ]);
  });

  it("receives changes made by a listener on another document of the same room", async () => {
    const [one, other] = [await server.openDocument(room), await server.openDocument(room)];
    other.doc.getMap("asked").observe(({ keysChanged, transaction }) => {
      if (transaction.local) return;
      for (const key of keysChanged) other.doc.getMap("answered").set(key, `${key}!`);
    });
    for (let i = 0; i < 50; i++) one.doc.getMap("asked").set(`question ${i}`, true);
    await waitFor(() => one.doc.getMap("answered").size === 50, {
      message: "all 50 answers have arrived",
    });
  });

  it("opens a large document completely", async () => {
    const content = Array.from({ length: 150_000 }, (_, i) => `word ${i} `).join("");
    const writer = await server.openDocument(room);
    writer.doc.getText("text").insert(0, content);
    await writer.whenDurable();
    writer.close();
    await isUnloaded();
    const { doc } = await server.openDocument(room);
    expect(doc.getText("text").toString() === content).toBe(true);
  });

  it("rejects invalid room names", async () => {
    await expect(server.openDocument("")).rejects.toThrow(RoomNameError);
    await expect(server.openDocument("x".repeat(513))).rejects.toThrow(RoomNameError);
  });

  it("does not count as a connection", async () => {
    const server = await startServerHere({ MAX_CONNECTIONS_PER_ROOM: "1" });
    await Promise.all([server.openDocument(room), server.openDocument(room)]);
    const record = async () => {
      const response = await fetch(`${server.url}/api/rooms/${room}`);
      return (await response.json()) as Record<string, unknown>;
    };
    await waitFor(async () => (await record()).name === room, {
      message: "the room has been recorded",
    });
    expect(await record()).toMatchObject({ connections: 0, active: false });
    await join(server, room);
    expect(await record()).toMatchObject({ connections: 1, active: true });
    const second = await RawClient.connect(server.wsUrl, room);
    expect((await second.closed).code).toBe(4409);
  });

  it("keeps working if a listener throws", async () => {
    const opened = await server.openDocument(room);
    const text = opened.doc.getText("text");
    text.observe(() => {
      throw new Error("meant to fail");
    });
    opened.awareness.on("change", () => {
      throw new Error("meant to fail too");
    });
    const person = await join(server, room);
    person.text.insert(0, "one");
    await shows(text, "one");
    person.text.insert(3, ", two");
    await shows(text, "one, two");
    await waitFor(() => opened.awareness.getStates().has(person.clientId), {
      message: "the client is visible",
    });
    const errors = server.logs.filter((line) => line.level === 50 && line.room === room);
    expect(errors.length).toBeGreaterThanOrEqual(3);
  });
});

describe("awareness of a document opened in the server's process", () => {
  it("is exchanged with clients once it has a state, and removed when the document is closed", async () => {
    const person = await join(server, room, "Ada");
    const opened = await server.openDocument(room);
    const { awareness } = opened;
    const { clientID } = awareness;
    expect(awareness.getStates().get(person.clientId)).toEqual({ name: "Ada" });
    expect(person.presence.has(clientID)).toBe(false);

    awareness.setLocalState({ name: "agent" });
    await waitFor(() => person.presence.has(clientID), { message: "the agent is visible" });
    expect(person.presence.get(clientID)).toEqual({ name: "agent" });
    awareness.setLocalStateField("cursor", 7);
    await waitFor(() => (person.presence.get(clientID) as { cursor?: number }).cursor === 7, {
      message: "the agent's change is visible",
    });
    person.setPresence({ name: "Ada", typing: true });
    await waitFor(() => awareness.getStates().get(person.clientId)?.typing === true, {
      message: "the user's change is visible",
    });

    awareness.setLocalState(null);
    await waitFor(() => !person.presence.has(clientID), {
      message: "the agent is no longer visible",
    });
    awareness.setLocalState({ name: "back" });
    await waitFor(() => person.presence.has(clientID), { message: "the agent is visible again" });
    opened.close();
    await waitFor(() => !person.presence.has(clientID), { message: "the agent has left" });
    expect(await opened.closed).toEqual({ code: 1000, reason: "closed by the application" });
    expect([...awareness.getStates()]).toEqual([]);
  });

  it("survives a client's claim that it has left", async () => {
    const opened = await server.openDocument(room);
    opened.awareness.setLocalState({ name: "agent" });
    const client = opened.awareness.clientID;
    const liar = await RawClient.connect(server.wsUrl, room);
    await waitFor(() => liar.presenceOf(client)?.state !== undefined, {
      message: "the agent is visible",
    });
    liar.sendPresence({ client, clock: 100, state: null });
    await liar.ping();
    const person = await join(server, room);
    await waitFor(() => person.presence.has(client), { message: "the agent is still visible" });
    await liar.close();
  });

  it.each([
    ["is too large", { text: "x".repeat(70_000) }, 4413],
    ["is not JSON", { number: 1n }, 1007],
  ])("closes the document if it %s", async (_, state, code) => {
    const opened = await server.openDocument(room);
    opened.awareness.setLocalState(state);
    expect((await opened.closed).code).toBe(code);
  });
});

describe("the end of a document opened in the server's process", () => {
  it("process killed: nothing that was durable is lost", async () => {
    const DATA_DIR = await temporaryDirectory();
    const durable = await writeUntilKilled("room", { DATA_DIR });
    const server = await startServer({ dataDir: DATA_DIR });
    const numbers = (await readRoom(server.wsUrl, "room")).getArray("numbers").toArray();
    expect(numbers.slice(0, durable + 1)).toEqual(Array.from({ length: durable + 1 }, (_, i) => i));
    await server.stop();
  });

  it("closed by the application: earlier writes are kept, later ones are not", async () => {
    const opened = await server.openDocument(room);
    opened.doc.getText("text").insert(0, "before");
    opened.close();
    opened.close();
    await opened.whenDurable();
    opened.doc.getText("text").insert(6, " and after");
    await expect(opened.whenDurable()).rejects.toThrow(DocumentClosedError);
    expect(opened.doc.getText("text").toString()).toBe("before and after");
    await isUnloaded();
    expect((await readRoom(server.wsUrl, room)).getText("text").toString()).toBe("before");
  });

  it("destroyed by the application: the document is closed", async () => {
    const opened = await server.openDocument(room);
    const person = await join(server, room);
    opened.awareness.setLocalState({ name: "agent" });
    const { clientID } = opened.awareness;
    await waitFor(() => person.presence.has(clientID), { message: "the agent is visible" });
    opened.doc.destroy();
    expect((await opened.closed).code).toBe(1000);
    await waitFor(() => !person.presence.has(clientID), { message: "the agent has left" });
  });

  it("room deleted: the document is closed and its writes never become durable", async () => {
    const opened = await server.openDocument(room);
    opened.doc.getText("text").insert(0, "gone");
    const response = await fetch(`${server.url}/api/rooms/${room}`, { method: "DELETE" });
    expect(response.status).toBe(204);
    expect(await opened.closed).toEqual({ code: 4404, reason: `room "${room}" has been deleted` });
    await expect(opened.whenDurable()).rejects.toMatchObject({
      name: "DocumentClosedError",
      code: 4404,
    });
    opened.doc.getText("text").insert(0, "not ");
    await expect(server.openDocument(room)).rejects.toThrow(DeletedError);
    await fetch(`${server.url}/api/rooms/${room}/tombstone`, { method: "DELETE" });
    const again = await server.openDocument(room);
    expect(again.doc.getText("text").toString()).toBe("");
  });

  it("server closed: earlier writes become durable, later ones are rejected", async () => {
    const DATA_DIR = await temporaryDirectory();
    const server = await startServerHere({ DATA_DIR });
    const opened = await server.openDocument("room");
    opened.doc.getText("text").insert(0, "the last words");
    const durable = opened.whenDurable();
    const closed = server.close();
    expect((await opened.closed).code).toBe(1012);
    await expect(server.openDocument("room")).rejects.toThrow(ClosedError);
    await durable;
    expect(await closed).toBe(true);
    await opened.whenDurable();
    opened.doc.getText("text").insert(0, "too late: ");
    await expect(opened.whenDurable()).rejects.toMatchObject({ code: 1012 });

    const next = await startServerHere({ DATA_DIR });
    const { doc } = await next.openDocument("room");
    expect(doc.getText("text").toString()).toBe("the last words");
  });

  it("document too large: it is closed and the excess reaches no client", async () => {
    const server = await startServerHere({ MAX_DOCUMENT_BYTES: "2000" });
    const opened = await server.openDocument("room");
    opened.doc.getText("text").insert(0, "fits");
    await opened.whenDurable();
    opened.doc.getText("text").insert(0, "x".repeat(3_000));
    expect(await opened.closed).toEqual({
      code: 4413,
      reason: "the document would exceed 2000 bytes",
    });
    await expect(opened.whenDurable()).rejects.toMatchObject({ code: 4413 });
    expect((await readRoom(server.wsUrl, "room")).getText("text").toString()).toBe("fits");
  });

  it("transaction larger than a message may be: the document is closed", async () => {
    const server = await startServerHere({ MAX_MESSAGE_BYTES: "2000" });
    const opened = await server.openDocument("room");
    opened.doc.getText("text").insert(0, "x".repeat(3_000));
    expect((await opened.closed).code).toBe(4413);
  });

  it("update that clients could not read: the document is closed and nothing is stored", async () => {
    const opened = await server.openDocument(room);
    let nested: unknown = 0;
    for (let i = 0; i < 600; i++) nested = [nested];
    opened.doc.getMap("map").set("deep", nested);
    expect((await opened.closed).code).toBe(1007);
    const doc = await readRoom(server.wsUrl, room);
    expect(Y.encodeStateVector(doc)).toEqual(Uint8Array.of(0));
  });
});
