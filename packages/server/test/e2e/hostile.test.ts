import * as encoding from "lib0/encoding";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import * as Y from "yjs";
import { Bystanders, observe } from "../support/bystanders.ts";
import { HostileFrames, presenceFrame, presenceFrameOf } from "../support/hostile-frames.ts";
import { yWebsocket31 } from "../support/providers.ts";
import { RawClient } from "../support/raw-client.ts";
import { encodeRaw, type RawMessage } from "../support/raw-messages.ts";
import { startServer, type TestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

const MAX_MESSAGE_BYTES = 256 * 1024;
const FRAMES = Number(process.env.HOSTILE_FRAMES ?? 20_000);
const ATTACKERS = 20;
const ATTACKED_ROOMS = 8;
const NESTING = 30_000;
const SEED = Number(process.env.HOSTILE_SEED ?? 20_250_101);

/** One server for the whole file, with two bystanders who keep working on it. */
let server: TestServer;
let bystanders: Bystanders;

beforeAll(async () => {
  server = await startServer({
    env: {
      MAX_MESSAGE_BYTES: String(MAX_MESSAGE_BYTES),
      UNLOAD_DELAY_MS: "10",
      // These tests are about what gets through to the server, so rate limits are as high as possible.
      MAX_LOOP_MS_PER_SECOND: "1000",
      MAX_LOOP_MS_PER_SECOND_PER_ADDRESS: "1000",
    },
  });
  bystanders = await Bystanders.join(server);
});

afterEach(async () => {
  await bystanders.check();
  expect(server.hasExited).toBe(false);
  // Nothing that a client does wrong may be logged as an error of the server.
  expect(server.logs.filter((line) => line.level >= 50)).toEqual([]);
});

afterAll(() => bystanders.leave());

function updateOf(text: string): Uint8Array {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

it(`survives ${FRAMES} random and mutated frames (HOSTILE_SEED=${SEED})`, {
  timeout: 600_000,
}, async () => {
  const frames = new HostileFrames(SEED);
  const observers = await Promise.all(
    Array.from({ length: ATTACKED_ROOMS }, (_, i) => observe(server.wsUrl, `attacked-${i}`)),
  );
  const codes = new Map<number, number>();
  let received = 0;
  let attempts = 0;
  // A malformed frame closes its connection, so each frame is sent once the previous one was received.
  const attack = async () => {
    while (received < FRAMES) {
      const room = `attacked-${frames.below(ATTACKED_ROOMS)}`;
      // The server delays a client that reconnects after a refusal; another address is another client.
      const n = attempts++;
      const localAddress = `127.${1 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
      const client = await RawClient.connect(server.wsUrl, room, { keep: false, localAddress });
      while (client.isOpen && received < FRAMES) {
        client.sendBytes(frames.next());
        received++;
        // Some are followed immediately by others; frames after a malformed one are dropped.
        for (let i = frames.below(12); i > 9; i--) client.sendBytes(frames.next());
        await client.ping();
      }
      const { code } = await client.close();
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: ATTACKERS }, attack));

  // 1000: the attacker was done, and the server completed the close handshake.
  expect([...codes.keys()].sort()).toEqual([1000, 1007]);
  expect(codes.get(1007)).toBeGreaterThan(FRAMES / 10);
  for (const [room, { client, broken }] of observers.entries()) {
    expect(client.isOpen).toBe(true);
    expect([...client.faults, ...broken]).toEqual([]);
    client.sendUpdate(updateOf("still here"));
    const reader = yWebsocket31.open(server.wsUrl, `attacked-${room}`);
    await waitFor(() => reader.isSynced, { message: `a provider is synced in room ${room}` });
    reader.destroy();
    await client.close();
  }
});

/** An update with one value: arrays in arrays, `depth` levels deep. */
function nestedUpdate(depth: number): Uint8Array {
  const head = [1, 1, 9, 0, 8, 1, 1, 0x78, 1];
  const value = [...Array.from({ length: depth }, () => [117, 1]).flat(), 126];
  return Uint8Array.from([...head, ...value, 0]);
}

const deepJson = Buffer.from(`${"[".repeat(NESTING)}${"]".repeat(NESTING)}`);

/** A count of 2⁵³ - 1, without any items. */
const absurdCount = encoding.encode((encoder) => {
  encoding.writeVarUint(encoder, Number.MAX_SAFE_INTEGER);
});

const cutShort = encodeRaw({ type: "update", update: updateOf("cut") }).slice(0, -1);

function bytesOf(...bytes: number[]): Uint8Array {
  return Uint8Array.from(bytes);
}

const refused: readonly (readonly [string, number, Uint8Array | string])[] = [
  ["an oversized message", 4413, new Uint8Array(MAX_MESSAGE_BYTES + 1)],
  ["a text frame", 1007, "hello"],
  ["an empty frame", 1007, new Uint8Array(0)],
  ["a truncated type", 1007, bytesOf(0x80)],
  ["a truncated length", 1007, bytesOf(0, 2, 0xff, 0xff)],
  ["a truncated body", 1007, cutShort],
  ["an absurd length", 1007, bytesOf(0, 2, ...absurdCount)],
  ["an unknown sync step", 1007, bytesOf(0, 3, 0)],
  ["an absurd count of clients", 1007, encodeRaw({ type: "update", update: absurdCount })],
  [
    "an absurd count of structs",
    1007,
    encodeRaw({ type: "update", update: bytesOf(1, ...absurdCount, 1, 0) }),
  ],
  [
    "an absurd count of deletions",
    1007,
    encodeRaw({ type: "step2", update: bytesOf(0, 1, 5, ...absurdCount) }),
  ],
  ["an absurd state vector", 1007, encodeRaw({ type: "step1", stateVector: absurdCount })],
  [
    "an absurd count of states",
    1007,
    presenceFrameOf((encoder) => encoding.writeVarUint(encoder, Number.MAX_SAFE_INTEGER)),
  ],
  ["presence that is nested too deeply", 1007, presenceFrame(deepJson)],
  ["presence whose nesting never ends", 1007, presenceFrame(Buffer.alloc(2 * NESTING, "["))],
  ["presence that is not JSON", 1007, presenceFrame(Buffer.from("{nope}"))],
  ["presence that is not UTF-8", 1007, presenceFrame(bytesOf(0x22, 0xff, 0xc0, 0x22))],
  [
    "a value that is nested too deeply",
    1007,
    encodeRaw({ type: "update", update: nestedUpdate(NESTING) }),
  ],
];

it.each(refused)("refuses %s with %i, and forwards nothing", async (name, code, frame) => {
  const room = `refused ${name}`;
  const witness = await RawClient.connect(server.wsUrl, room);
  witness.sendStep1();
  await witness.first("step2");
  const client = await RawClient.connect(server.wsUrl, room);
  if (typeof frame === "string") client.sendText(frame);
  else client.sendBytes(frame);
  const { code: given, reason } = await client.closed;
  expect([given, reason]).toEqual([code, expect.any(String)]);
  await waitFor(() => server.logs.some((line) => line.room === room && isReason(line)), {
    message: () => `the reason is logged:\n${server.tail()}`,
  });

  const next = await RawClient.connect(server.wsUrl, room);
  next.sendUpdate(updateOf("fine"));
  await witness.first("update");
  expect(witness.faults).toEqual([]);
  expect(witness.messages.filter(({ type }) => type === "update")).toHaveLength(1);
  // An awareness message without states is a keepalive.
  const presence = witness.messages.filter((message) => message.type === "presence");
  expect(presence.flatMap(({ states }) => states)).toEqual([]);
  expect(witness.document().getText("text").toString()).toBe("fine");
  await Promise.all([witness.close(), next.close()]);
});

function isReason({ connection, reason }: Readonly<Record<string, unknown>>): boolean {
  return typeof connection === "string" && typeof reason === "string" && reason !== "";
}

it("ignores messages of unknown types, like the reference server", async () => {
  const client = await RawClient.connect(server.wsUrl, "unknown types");
  for (const type of [4, 100, 1_000_000]) {
    client.sendBytes(encoding.encode((encoder) => encoding.writeVarUint(encoder, type)));
  }
  client.send({ type: "denied", reason: "a client cannot deny" } satisfies RawMessage);
  client.sendStep1();
  await client.first("step2");
  await client.close();
});
