import { connect } from "node:net";
import { beforeAll, describe, expect, it } from "vitest";
import * as Y from "yjs";
import { updateOf } from "../http/api-parts.ts";
import type { RawClient } from "../support/raw-client.ts";
import { encodeRaw } from "../support/raw-messages.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { waitFor } from "../support/wait-for.ts";
import { ROOM, TARGET_ENV, Target, writeDurably } from "./target.ts";
import { tokenWith } from "./tokens.ts";

// Clients without write access, and clients that impersonate others, on every server of a cluster.

const SERVERS = [0, 1, 2];
const LEVELS = ["read-only", "presence-only"];

let target: Target;
beforeAll(async () => {
  const cluster = await TestCluster.start(SERVERS.length, { env: TARGET_ENV });
  target = await Target.of(cluster.members.map(({ process }) => process));
}, 120_000);

const vandalism = updateOf("vandalism");
/** Too large to be inspected on the event loop. */
const large = updateOf("v".repeat(100_000));

/** An update that deletes the text in every document that has it. */
function deletion(of: Y.Doc): Uint8Array {
  const before = Y.encodeStateVector(of);
  of.getText("text").delete(0, 5);
  return Y.encodeStateAsUpdate(of, before);
}

const messages: readonly (readonly [string, (client: RawClient) => void])[] = [
  ["an update", (client) => client.sendUpdate(vandalism)],
  ["a step 2", (client) => client.send({ type: "step2", update: vandalism })],
  ["a large update", (client) => client.sendUpdate(large)],
  ["a large step 2", (client) => client.send({ type: "step2", update: large })],
  [
    "several merged updates",
    (client) => client.sendUpdate(Y.mergeUpdates([vandalism, updateOf("more"), large])),
  ],
  [
    "an update at the end of many messages",
    (client) => {
      for (let clock = 1; clock < 50; clock++) {
        client.sendStep1();
        client.sendPresence({ client: 7, clock, state: {} });
      }
      client.sendUpdate(vandalism);
    },
  ],
];

async function enter(access: string, index: number): Promise<RawClient> {
  const client = await target.connect(tokenWith({ access }), ROOM, index);
  client.sendStep1();
  await client.first("step2");
  return client;
}

describe.each(LEVELS)("a %s client", (access) => {
  it.each(messages)("cannot write with %s", async (_, write) => {
    const codes = await Promise.all(
      SERVERS.map(async (index) => {
        const client = await enter(access, index);
        write(client);
        return (await client.closed).code;
      }),
    );
    expect(codes).toEqual([4403, 4403, 4403]);
    await target.expectUnharmed();
  });

  it("cannot delete text written by others", async () => {
    const reader = await enter("read-only", 0);
    const update = deletion(reader.document());
    await reader.close();
    for (const type of ["update", "step2"] as const) {
      for (const index of SERVERS) {
        const client = await enter(access, index);
        client.send({ type, update });
        expect((await client.closed).code).toBe(4403);
      }
    }
    await target.expectUnharmed();
  });

  it("cannot hide a write behind another message in the same frame", async () => {
    for (const index of SERVERS) {
      const client = await enter(access, index);
      client.sendBytes(
        Buffer.concat([encodeRaw({ type: "query" }), encodeRaw({ type: "update", update: large })]),
      );
      await client.ping();
      await client.close();
    }
    await target.expectUnharmed();
  });

  it("cannot write together with its handshake, before its access level is known", async () => {
    for (const index of SERVERS) {
      const path = `/${ROOM}?token=${tokenWith({ access })}`;
      const frame = maskedFrame(encodeRaw({ type: "update", update: vandalism }));
      expect(await closeCodeOf(target.server(index).port, path, frame)).toBe(4403);
    }
    await target.expectUnharmed();
  });

  it("cannot write through the API", async () => {
    for (const index of SERVERS) {
      for (const [method, path] of [
        ["POST", `/rooms/${ROOM}/updates`],
        ["DELETE", `/rooms/${ROOM}`],
        ["POST", `/rooms/${ROOM}/recheck`],
      ] as const) {
        const answer = await target.attackApi(index, path, tokenWith({ access }), {
          method,
          headers: { "content-type": "application/octet-stream" },
          ...(path.endsWith("updates") ? { body: Buffer.from(vandalism) } : {}),
        });
        expect(answer.status).toBe(401);
      }
    }
    await target.expectUnharmed();
  });
});

it("sends presence-only clients nothing of the document, on any server", async () => {
  const writer = await target.connect(tokenWith(), "secret", 0);
  await writeDurably(writer, updateOf("secret"));
  const others = await Promise.all(
    SERVERS.map((index) => target.connect(tokenWith({ access: "presence-only" }), "secret", index)),
  );
  for (const other of others) other.sendStep1();
  await Promise.all(others.map((other) => other.first("step2")));
  writer.sendUpdate(updateOf("more"));
  writer.sendPresence({ client: 8, clock: 1, state: { name: "writer" } });
  // Awareness arrives after the update.
  await Promise.all(
    others.map((other) =>
      waitFor(() => other.presenceOf(8), { message: "every presence-only client sees the writer" }),
    ),
  );
  for (const other of others) {
    expect(other.document().share.size).toBe(0);
    const types = new Set(other.messages.map(({ type }) => type));
    expect(types).toEqual(new Set(["step2", "presence"]));
    await other.close();
  }
  await writer.close();
  await target.expectUnharmed();
});

it("rejects awareness states for another connection's client, on any server", async () => {
  const [owner, ...witnesses] = await Promise.all(
    [0, ...SERVERS].map((index) => target.connect(tokenWith(), "owned", index)),
  );
  if (owner === undefined) throw new Error("the owner did not connect");
  owner.sendPresence({ client: 42, clock: 1, state: { name: "owner" } });
  for (const witness of witnesses) {
    await waitFor(() => witness.presenceOf(42), { message: "every witness sees the owner" });
  }
  let own = 1_000;
  for (const index of SERVERS) {
    for (const access of ["read-write", ...LEVELS]) {
      const thief = await target.connect(tokenWith({ access }), "owned", index);
      own++;
      thief.sendPresence({ client: own, clock: 1, state: { name: "thief" } });
      thief.sendPresence({ client: 42, clock: 100, state: { name: "thief" } });
      thief.sendPresence({ client: 42, clock: 101, state: null });
      thief.sendPresence({ client: own, clock: 2, state: { name: "thief", done: true } });
      for (const witness of witnesses) {
        const seen = () => JSON.stringify(witness.presenceOf(own)?.state)?.includes("done");
        await waitFor(seen, { message: "the thief is seen under its own client id" });
        expect(witness.presenceOf(42)?.state).toEqual({ name: "owner" });
      }
      await thief.close();
      for (const witness of witnesses) {
        const gone = () => witness.presenceOf(own)?.state === null;
        await waitFor(gone, { message: "the thief's own state is removed" });
        expect(witness.presenceOf(42)?.state).toEqual({ name: "owner" });
      }
    }
  }
  expect(owner.isOpen).toBe(true);
  for (const index of SERVERS) {
    const late = await target.connect(tokenWith(), "owned", index);
    await waitFor(() => late.presenceOf(42), { message: "a late client sees the owner" });
    expect(late.presenceOf(42)?.state).toEqual({ name: "owner" });
    await late.close();
  }
  await Promise.all([owner, ...witnesses].map((client) => client.close()));
  await target.expectUnharmed();
});

/** A binary frame as sent by clients. */
function maskedFrame(payload: Uint8Array): Buffer {
  if (payload.length > 125) throw new Error("payload too long for a short frame");
  // A zero mask leaves the payload unchanged.
  return Buffer.concat([Buffer.from([0x82, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

/** Sends a handshake and a frame in one chunk, and returns the close code that comes back. */
function closeCodeOf(port: number, path: string, frame: Buffer): Promise<number> {
  const head = [
    `GET ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "\r\n",
  ].join("\r\n");
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(Buffer.concat([Buffer.from(head), frame]));
    });
    let received = Buffer.alloc(0);
    socket.on("data", (data: Buffer) => {
      received = Buffer.concat([received, data]);
      const code = closeCodeIn(received.subarray(received.indexOf("\r\n\r\n") + 4));
      if (code === null) return;
      resolve(code);
      socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("the connection closed without a close code")));
  });
}

/** The close code in a sequence of short frames; `null` if there is none yet. */
function closeCodeIn(frames: Buffer): number | null {
  for (let at = 0; at + 4 <= frames.length; at += 2 + frames.readUInt8(at + 1)) {
    if (frames.readUInt8(at) === 0x88) return frames.readUInt16BE(at + 2);
  }
  return null;
}
