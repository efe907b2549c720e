import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as Y from "yjs";
import { RawClient, type RawClientOptions } from "../support/raw-client.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const SECRET = "a secret that has more than 32 bytes";
const ROOM = "room";

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({
    env: {
      AUTH_JWT_SECRET: SECRET,
      ALLOWED_ORIGINS: "https://*.example.com",
    },
  });
});

interface Claims {
  readonly rooms?: readonly string[];
  readonly access?: string;
  readonly seconds?: number;
}

function tokenFor(claims: Claims = {}): Promise<string> {
  const { rooms = [ROOM], access = "read-write", seconds = 60 } = claims;
  return new SignJWT({ rooms: [...rooms], access })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("somebody")
    .setExpirationTime(Math.floor(Date.now() / 1000) + seconds)
    .sign(new TextEncoder().encode(SECRET));
}

function connect(token: string, options: RawClientOptions = {}): Promise<RawClient> {
  return RawClient.connect(server.wsUrl, ROOM, { ...options, query: `?token=${token}` });
}

function updateOf(text: string): Uint8Array {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

describe("tokens", () => {
  it("are accepted in a subprotocol, which the server selects", async () => {
    const protocols = [`token.${await tokenFor()}`];
    const client = await RawClient.connect(server.wsUrl, ROOM, { protocols });
    client.sendStep1();
    await client.first("step2");
    expect([client.subprotocol]).toEqual(protocols);
    await client.close();
  });

  it("close the connection when they expire", async () => {
    const client = await connect(await tokenFor({ seconds: 2 }));
    client.sendStep1();
    await client.first("step2");
    expect(await client.closed).toEqual({ code: 4401, reason: "the access has expired" });
  });
});

it("sends read-only clients the document, and shows others their awareness", async () => {
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

it("refuses pages of origins that are not allowed", async () => {
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

describe("connection limits", () => {
  let limited: ServerProcess;

  beforeAll(async () => {
    limited = await startServer({
      env: { MAX_CONNECTIONS: "4", MAX_CONNECTIONS_PER_ADDRESS: "2", TRUSTED_PROXIES: "1" },
    });
  });

  const from = (address: string) =>
    RawClient.connect(limited.wsUrl, ROOM, { headers: { "x-forwarded-for": address } });

  it("apply to each address and to the server as a whole", async () => {
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
    await waitFor(isLetIn, { message: "a new client is admitted" });
  });

  afterAll(() => limited.stop());
});
