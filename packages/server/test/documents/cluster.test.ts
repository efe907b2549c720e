import { beforeAll, expect, it, vi } from "vitest";
import type { ServerDocument } from "../../src/index.ts";
import { whenDone } from "../http/http-parts.ts";
import { type Session13, yWebsocket31 } from "../support/providers.ts";
import { readRoom } from "../support/raw-client.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { waitFor } from "../support/wait-for.ts";
import { type ServerHere, startServerHere } from "./server-here.ts";
import { writeUntilKilled } from "./writer-process.ts";

/** Tests add two more servers, which run in this process. */
let cluster: TestCluster;
beforeAll(async () => {
  cluster = await TestCluster.start(1, { env: { UNLOAD_DELAY_MS: "100" } });
  for (const [name, value] of Object.entries(cluster.services.environment())) {
    if (name.startsWith("AWS_")) vi.stubEnv(name, value);
  }
}, 120_000);

function startHere(): Promise<ServerHere> {
  return startServerHere(cluster.services.environment());
}

function wsUrl(): string {
  return cluster.member(0).process.wsUrl;
}

/** A user with a real provider, connected to the server that runs in another process. */
async function join(room: string): Promise<Session13> {
  const session = yWebsocket31.open(wsUrl(), room, { presence: { name: "Ada" } });
  whenDone(async () => session.destroy());
  await waitFor(() => session.isSynced, { message: "the client has synced" });
  return session;
}

function textOf({ doc }: Pick<ServerDocument, "doc">): string {
  return doc.getText("text").toString();
}

it("documents of two servers and a client of a third converge", async () => {
  const servers = await Promise.all([startHere(), startHere()]);
  const person = await join("shared");
  const agents = await Promise.all(servers.map((server) => server.openDocument("shared")));
  const all = [person, ...agents];
  for (let round = 0; round < 30; round++) {
    for (const [i, { doc }] of all.entries()) {
      const text = doc.getText("text");
      text.insert((round * 7) % (text.length + 1), String(i));
      if (round % 3 === 0) text.delete(0, 1);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await waitFor(() => new Set(all.map(textOf)).size === 1, {
    message: () => all.map(textOf).join("\n"),
  });
  // Two writers may have deleted the same content.
  expect(textOf(person).length).toBeGreaterThanOrEqual(60);
  await Promise.all(agents.map((agent) => agent.whenDurable()));
  expect(textOf({ doc: await readRoom(wsUrl(), "shared") })).toBe(textOf(person));
});

it("awareness is shared between two servers and a client of a third", async () => {
  const servers = await Promise.all([startHere(), startHere()]);
  const person = await join("presence");
  const [one, other] = await Promise.all(servers.map((server) => server.openDocument("presence")));
  if (one === undefined || other === undefined) throw new Error("expected two documents");
  one.awareness.setLocalState({ name: "one" });
  other.awareness.setLocalState({ name: "other" });
  const names = ["Ada", "one", "other"].join();
  const namesOf = (states: ReadonlyMap<number, unknown>) =>
    Array.from(states.values(), (state) => (state as { name: string }).name)
      .sort()
      .join();
  const seen = () => [person.presence, one.awareness.getStates(), other.awareness.getStates()];
  await waitFor(() => seen().every((states) => namesOf(states) === names), {
    message: () => seen().map(namesOf).join("; "),
  });

  one.close();
  await servers[1]?.close();
  expect((await other.closed).code).toBe(1012);
  await waitFor(() => namesOf(person.presence) === "Ada", {
    message: () => `only Ada is present, not ${namesOf(person.presence)}`,
  });
});

it("documents are closed on all servers when their room is deleted", async () => {
  const servers = await Promise.all([startHere(), startHere()]);
  const opened = await Promise.all(servers.map((server) => server.openDocument("deleted")));
  opened[0]?.doc.getText("text").insert(0, "gone");
  const { url } = cluster.member(0).process;
  const response = await fetch(`${url}/api/rooms/deleted`, { method: "DELETE" });
  expect(response.status).toBe(204);
  const ends = await Promise.all(opened.map(({ closed }) => closed));
  expect(ends.map(({ code }) => code)).toEqual([4404, 4404]);
});

it("nothing that was durable is lost when a server is killed", async () => {
  const person = await join("killed");
  const durable = await writeUntilKilled("killed", cluster.services.environment());
  const numbers = () => person.doc.getArray<number>("numbers").toArray();
  await waitFor(() => numbers().length > durable, {
    message: () => `number ${durable} is among ${numbers().length}`,
  });
  expect(numbers().slice(0, durable + 1)).toEqual(Array.from({ length: durable + 1 }, (_, i) => i));
});
