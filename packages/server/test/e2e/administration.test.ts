import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as Y from "yjs";
import { type HttpService, json, startHttpService, status } from "../auth/http-service.ts";
import { IoFaults } from "../support/faults/io-faults.ts";
import { RawClient } from "../support/raw-client.ts";
import { type LogLine, type ServerProcess, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const ADMIN_TOKEN = "the token of the administrators";
const ADMIN = { authorization: `Bearer ${ADMIN_TOKEN}` };
/** The reason for a failure, which only administrators are told. */
const REASON = /ENOSPC|disk|full|write/i;

let application: HttpService;
let faults: IoFaults;
let server: ServerProcess;

beforeAll(async () => {
  application = await startHttpService(json({ access: "read-write" }));
  faults = await IoFaults.prepare();
  server = await startServer({
    env: { ...faults.env, ADMIN_TOKEN, AUTH_WEBHOOK_URL: application.url },
  });
});

afterAll(async () => {
  await application.close();
  await faults.dispose();
});

async function join(room: string): Promise<RawClient> {
  const client = await RawClient.connect(server.wsUrl, room, { query: "?token=good" });
  client.sendStep1();
  await client.first("step2");
  return client;
}

function call(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(server.url + path, { headers: ADMIN, ...init });
}

function audited(action: string): LogLine[] {
  return server.logs.filter(({ audit }) => audit === action);
}

describe("the audit log", () => {
  it.each([
    ["sign-in", "/api/session", { method: "POST", body: JSON.stringify({ token: ADMIN_TOKEN }) }],
    ["wrong-token", "/api/rooms", { headers: { authorization: "Bearer wrong" } }],
    ["recheck-room", "/api/rooms/audited/recheck", { method: "POST" }],
    ["delete-room", "/api/rooms/audited", { method: "DELETE" }],
  ] as const)("has a line with the client's address for a %s", async (action, path, init) => {
    const headers = { "content-type": "application/json", ...ADMIN };
    await call(path, { headers, ...init });
    await waitFor(() => audited(action).length > 0, { message: `the log has "${action}"` });
    expect(audited(action)[0]).toMatchObject({ address: "127.0.0.1" });
    expect(JSON.stringify(audited(action))).not.toContain(ADMIN_TOKEN);
  });
});

it("keeps rechecked clients connected while the webhook fails, and obeys its later answer", async () => {
  const client = await join("rechecked");
  let closed = false;
  void client.closed.then(() => {
    closed = true;
  });
  application.answer = status(503);
  const asked = application.requests.length;
  expect((await call("/api/rooms/rechecked/recheck", { method: "POST" })).ok).toBe(true);
  await waitFor(() => application.requests.length >= asked + 2, {
    timeout: 30_000,
    message: "the server asks again after a failed webhook call",
  });
  expect(closed).toBe(false);
  application.answer = status(403);
  expect((await client.closed).code).toBe(4403);
  application.answer = json({ access: "read-write" });
});

it("reports the failing service to everybody, and the reason only to administrators", async () => {
  const client = await join("readiness");
  await faults.set({ writes: "ENOSPC", path: "journal.db" });
  const doc = new Y.Doc();
  doc.getText("text").insert(0, "not durable");
  client.sendUpdate(Y.encodeStateAsUpdate(doc));
  const ready = async (init?: RequestInit) => {
    const response = await fetch(`${server.url}/health/ready`, init);
    return (await response.json()) as { status: string; failing: Record<string, string> };
  };
  const detail = await waitFor(async () => (await ready({ headers: ADMIN })).failing.journal, {
    message: "the readiness check reports the failing journal",
  });
  expect(detail).toMatch(REASON);
  expect(await ready()).toEqual({ status: "failing", failing: { journal: "failing" } });
  await faults.clear();
  await waitFor(async () => (await ready()).status === "ok", {
    message: "the server is ready again",
  });
  await client.close();
});
