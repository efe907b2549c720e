import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { send } from "../http/http-parts.ts";
import { Bystanders } from "../support/bystanders.ts";
import { RawClient } from "../support/raw-client.ts";
import { startServer, type TestServer } from "../support/test-server.ts";

// Floods of all kinds while two bystanders work together. The bench measures their speed; here they
// only have to make progress: in each round both write, and both see the writes.

const FLOOD = "192.0.2.66";
const ADMIN = "the token of an administrator";

let server: TestServer;
let bystanders: Bystanders;
beforeAll(async () => {
  server = await startServer({
    env: {
      ADMIN_TOKEN: ADMIN,
      TRUSTED_PROXIES: "1",
      MAX_ATTEMPTS_PER_SECOND: "20",
      MAX_CONNECTIONS_PER_ADDRESS: "30",
      MAX_MESSAGES_PER_SECOND: "200",
    },
  });
  bystanders = await Bystanders.join(server);
});
afterAll(() => bystanders.leave());

const from = (address: string) => ({ headers: { "x-forwarded-for": address } });

/** @returns the close code, or the status that refused the handshake; 0 if it was admitted */
async function tryToEnter(address: string): Promise<{ code: number; client?: RawClient }> {
  let client: RawClient;
  try {
    client = await RawClient.connect(server.wsUrl, "flooded", from(address));
  } catch (error) {
    const [, status] = /Unexpected server response: (\d+)/.exec(String(error)) ?? [];
    return { code: Number(status) };
  }
  const closed = client.closed.then(({ code }) => code);
  const code = await Promise.race([closed, client.first("step1").then(() => 0)]);
  return code === 0 ? { code, client } : { code };
}

it("refuses a flood of connection attempts before the handshake, for that address only", async () => {
  const attempts = Array.from({ length: 300 }, () => tryToEnter(FLOOD));
  await bystanders.check();
  const others = await Promise.all(["192.0.2.1", "198.51.100.1"].map(tryToEnter));
  expect(others.map(({ code }) => code)).toEqual([0, 0]);
  const ended = await Promise.all(attempts);
  const codes = ended.map(({ code }) => code);
  expect([...new Set(codes)].filter((code) => ![0, 429, 4429].includes(code))).toEqual([]);
  // A burst of two seconds' worth is admitted, plus what accrues during the attempts, and no more.
  expect(codes.filter((code) => code === 429).length).toBeGreaterThan(150);
  await Promise.all([...ended, ...others].map(({ client }) => client?.close()));
  await bystanders.check();
});

it("closes connections that flood the server with messages", async () => {
  const clients = await Promise.all(
    [1, 2, 3, 4].map((i) => RawClient.connect(server.wsUrl, "flooded", from(`203.0.113.${i}`))),
  );
  for (const client of clients) {
    for (let clock = 1; clock <= 2_000; clock++) {
      client.sendPresence({ client: 9, clock, state: {} });
    }
  }
  await bystanders.check();
  const codes = await Promise.all(clients.map(async ({ closed }) => (await closed).code));
  expect(codes).toEqual([4429, 4429, 4429, 4429]);
  await bystanders.check();
});

it("rate-limits wrong tokens from one address, and accepts a right one from another", async () => {
  const statusOf = async (address: string, token: string) => {
    const headers = { authorization: `Bearer ${token}`, "x-forwarded-for": address };
    return (await send({ port: server.port, path: "/api/rooms" }, { headers })).status;
  };
  const guesses = await Promise.all(
    Array.from({ length: 200 }, (_, i) => statusOf(FLOOD, `a guess with number ${i}`)),
  );
  expect(guesses.filter((status) => status === 401).length).toBeLessThan(15);
  expect(guesses.filter((status) => status === 429).length).toBeGreaterThan(185);
  expect(await statusOf("192.0.2.2", ADMIN)).toBe(200);
  await bystanders.check();
});

describe("oversized headers", () => {
  it.each([
    ["a large header", `X-A: ${"a".repeat(100_000)}\r\n`, 431],
    ["many headers", "X-A: b\r\n".repeat(50_000), 431],
    ["a large token", `Sec-WebSocket-Protocol: token.${"a".repeat(50_000)}\r\n`, 431],
    ["a large cookie", `Cookie: symphony_session=${"a".repeat(50_000)}\r\n`, 431],
  ])("refuses %s", async (_, headers, status) => {
    for (const path of ["/flooded", "/api/rooms"]) {
      const socket = connect(server.port, "127.0.0.1");
      // The server closes the connection while the client is still sending.
      socket.on("error", () => {});
      socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`);
      const [data] = (await once(socket, "data")) as [Buffer];
      expect(data.toString()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      socket.destroy();
    }
    await bystanders.check();
  });

  it("refuses a large URL", async () => {
    const answer = await send({ port: server.port, path: `/${"a".repeat(50_000)}` });
    expect(answer.status).toBe(431);
    await bystanders.check();
  });
});

it("serves bystanders while 50 clients send requests one after another", async () => {
  const flood = Promise.all(
    Array.from({ length: 50 }, async () => {
      for (let i = 0; i < 20; i++) {
        const { status } = await send({ port: server.port, path: "/api/rooms" });
        expect(status).toBe(401);
      }
    }),
  );
  await bystanders.check();
  await flood;
  await bystanders.check();
});
