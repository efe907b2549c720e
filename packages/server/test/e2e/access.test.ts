import { SignJWT, UnsecuredJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as Y from "yjs";
import { RawClient, type RawClientOptions } from "../support/raw-client.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const SECRET = "a secret that has more than 32 bytes";
const ADMIN = "the token of an administrator";
const ROOM = "room";

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({
    env: {
      AUTH_JWT_SECRET: SECRET,
      ADMIN_TOKEN: ADMIN,
      ALLOWED_ORIGINS: "https://*.example.com",
      MAX_MESSAGES_PER_SECOND: "100",
      LOG_LEVEL: "trace",
    },
  });
});

interface Claims {
  readonly rooms?: readonly string[];
  readonly access?: string;
  readonly seconds?: number;
  readonly secret?: string;
}

function tokenFor(claims: Claims = {}): Promise<string> {
  const { rooms = [ROOM], access = "read-write", seconds = 60, secret = SECRET } = claims;
  return new SignJWT({ rooms: [...rooms], access })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("somebody")
    .setExpirationTime(Math.floor(Date.now() / 1000) + seconds)
    .sign(new TextEncoder().encode(secret));
}

function connect(token: string, options: RawClientOptions = {}): Promise<RawClient> {
  return RawClient.connect(server.wsUrl, ROOM, { ...options, query: `?token=${token}` });
}

function updateOf(text: string): Uint8Array {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

async function textOf(): Promise<string> {
  const response = await fetch(`${server.url}/api/rooms/${ROOM}/document`, {
    headers: { authorization: `Bearer ${ADMIN}`, accept: "application/octet-stream" },
  });
  if (response.status === 404) return "";
  const doc = new Y.Doc();
  Y.applyUpdate(doc, new Uint8Array(await response.arrayBuffer()));
  return doc.getText("text").toString();
}

describe("tokens", () => {
  it.each([
    ["none", async () => "", 4401],
    ["one that is no token", async () => "nonsense", 4401],
    ["a forged one", () => tokenFor({ secret: "another secret that has 32 bytes.." }), 4401],
    ["an expired one", () => tokenFor({ seconds: -60 }), 4401],
    ["one for another room", () => tokenFor({ rooms: ["another", "room/*"] }), 4403],
    [
      "one that is not signed",
      async () => new UnsecuredJWT({ rooms: [ROOM] }).setExpirationTime("1m").encode(),
      4401,
    ],
  ])("%s is refused, so that a browser sees why", async (_, make, code) => {
    const client = await connect(await make());
    expect((await client.closed).code).toBe(code);
    expect(client.messages).toEqual([]);
  });

  it("are taken from a subprotocol, which is selected", async () => {
    const protocols = [`token.${await tokenFor()}`];
    const client = await RawClient.connect(server.wsUrl, ROOM, { protocols });
    client.sendStep1();
    await client.first("step2");
    expect([client.subprotocol]).toEqual(protocols);
    await client.close();
  });

  it("end the connection when they expire", async () => {
    const client = await connect(await tokenFor({ seconds: 2 }));
    client.sendStep1();
    await client.first("step2");
    expect(await client.closed).toEqual({ code: 4401, reason: "the access has expired" });
  });

  it("are not in the logs", async () => {
    const token = await tokenFor();
    await (await connect(token)).close();
    const refused = await tokenFor({ rooms: ["another"] });
    await (await connect(refused)).closed;
    await waitFor(() => server.logs.some(({ msg }) => msg === "refused"), {
      message: "it is logged",
    });
    const text = JSON.stringify(server.logs);
    for (const secret of [token, refused, SECRET, ADMIN]) expect(text).not.toContain(secret);
  });
});

describe("whoever may only read", () => {
  it.each(["update", "step2"] as const)("cannot write by %s", async (type) => {
    const client = await connect(await tokenFor({ access: "read-only" }));
    client.sendStep1();
    await client.first("step2");
    client.send({ type, update: updateOf("forbidden") });
    expect((await client.closed).code).toBe(4403);
    expect(await textOf()).not.toContain("forbidden");
  });

  it("is shown the document and who is there, and shows itself", async () => {
    const writer = await connect(await tokenFor());
    const reader = await connect(await tokenFor({ access: "read-only" }));
    reader.sendStep1();
    await reader.first("step2");
    writer.sendUpdate(updateOf("for all"));
    await reader.first("update");
    reader.sendPresence({ client: 7, clock: 1, state: { name: "reader" } });
    expect((await writer.first("presence")).states).toMatchObject([{ client: 7 }]);
    await Promise.all([writer.close(), reader.close()]);
  });
});

it("whoever may only be present gets nothing of the document", async () => {
  const writer = await connect(await tokenFor());
  writer.sendUpdate(updateOf("secret"));
  const other = await connect(await tokenFor({ access: "presence-only" }));
  other.sendStep1();
  expect(Y.decodeUpdate((await other.first("step2")).update).structs).toEqual([]);
  writer.sendUpdate(updateOf("more"));
  writer.sendPresence({ client: 8, clock: 1, state: { name: "writer" } });
  await other.first("presence");
  expect(other.messages.filter(({ type }) => type === "update")).toEqual([]);
  expect(other.messages.filter(({ type }) => type === "step1")).toEqual([]);
  other.sendUpdate(updateOf("forbidden"));
  expect((await other.closed).code).toBe(4403);
  await writer.close();
});

it("whoever sends too many messages is sent away, and others go on", async () => {
  const calm = await connect(await tokenFor());
  const flood = await connect(await tokenFor());
  for (let clock = 1; clock <= 1_000; clock++) {
    flood.sendPresence({ client: 9, clock, state: {} });
  }
  expect((await flood.closed).code).toBe(4429);
  calm.sendStep1();
  await calm.first("step2");
  await calm.close();
});

it("pages of other origins are refused", async () => {
  const token = await tokenFor();
  const origins = { "https://app.example.com": true, "https://example.org": false };
  for (const [origin, allowed] of Object.entries(origins)) {
    const client = await connect(token, { origin });
    if (allowed) {
      client.sendStep1();
      await client.first("step2");
      await client.close();
    } else {
      expect((await client.closed).code).toBe(4403);
    }
  }
});

describe("limits of connections", () => {
  let limited: ServerProcess;

  beforeAll(async () => {
    limited = await startServer({
      env: { MAX_CONNECTIONS: "4", MAX_CONNECTIONS_PER_ADDRESS: "2", TRUSTED_PROXIES: "1" },
    });
  });

  const from = (address: string) =>
    RawClient.connect(limited.wsUrl, ROOM, { headers: { "x-forwarded-for": address } });

  it("hold for each address, and for all together", async () => {
    const first = [await from("192.0.2.1"), await from("192.0.2.1")];
    expect((await (await from("198.51.100.9, 192.0.2.1")).closed).code).toBe(4429);
    const second = [await from("192.0.2.2"), await from("192.0.2.2")];
    expect((await (await from("192.0.2.3")).closed).code).toBe(1013);
    for (const client of [...first, ...second]) {
      expect(client.isOpen).toBe(true);
      await client.close();
    }
    const isLetIn = async () => {
      const client = await from("192.0.2.3");
      await client.ping();
      const { isOpen } = client;
      await client.close();
      return isOpen;
    };
    await waitFor(isLetIn, { message: "there is room again" });
  });

  afterAll(() => limited.stop());
});
