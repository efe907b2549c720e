import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import * as encoding from "lib0/encoding";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import * as Y from "yjs";
import { type Session, yWebsocket31 } from "../support/providers.ts";
import { RawClient } from "../support/raw-client.ts";
import { encodeRaw, type RawMessage } from "../support/raw-messages.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const MAX_MESSAGE_BYTES = 100_000;
const FRAMES = 100_000;
/** What one connection sends at once. After the first malformed frame the rest is not looked at. */
const BURST = 5;
const ATTACKERS = 20;
const ATTACKED_ROOMS = 8;
/** How many rooms are opened and left, twice. */
const ROOMS = 3_000;
const ROOMS_AT_ONCE = 100;
const GROWTH_BYTES = 25 * 1024 * 1024;
const SEED = Number(process.env.HOSTILE_SEED ?? 20_250_101);

/** One server for the whole file, and two people who go on working on it. */
let server: ServerProcess;
let people: readonly [Session, Session];
let work: Promise<void>;
let working = true;
let failure: unknown;
let rounds = 0;
let roundsBefore = 0;

beforeAll(async () => {
  server = await startServer({
    // So that the garbage collector keeps up, and resident memory tells what is in use.
    nodeArgs: ["--max-old-space-size=128", "--max-semi-space-size=1"],
    env: { MAX_MESSAGE_BYTES: String(MAX_MESSAGE_BYTES), UNLOAD_DELAY_MS: "10" },
  });
  people = [
    yWebsocket31.open(server.wsUrl, "bystanders", { presence: {} }),
    yWebsocket31.open(server.wsUrl, "bystanders", { presence: {} }),
  ];
  await waitFor(() => people.every((person) => person.isSynced), { message: "people are synced" });
  work = workTogether(...people).catch((error: unknown) => {
    failure = error;
  });
});

beforeEach(() => {
  roundsBefore = rounds;
});

afterEach(async () => {
  await waitFor(() => failure !== undefined || rounds > roundsBefore + 1, {
    message: "people work together",
  });
  expect(failure).toBeUndefined();
  expect(people.map((person) => person.connections)).toEqual([1, 1]);
  expect(server.hasExited).toBe(false);
  // Everything that a client can do wrong is the client's fault, never an error of the server.
  expect(server.logs.filter((line) => line.level >= 50)).toEqual([]);
});

afterAll(async () => {
  working = false;
  await work;
  for (const person of people) person.destroy();
});

/** Each round both write, and both see the text and the presence of the other. */
async function workTogether(one: Session, other: Session): Promise<void> {
  while (working) {
    for (const [writer, reader] of [
      [one, other],
      [other, one],
    ] as const) {
      const text = `round ${rounds} of ${writer.clientId}`;
      writer.text.delete(0, writer.text.toString().length);
      writer.text.insert(0, text);
      writer.setPresence({ text });
      await waitFor(() => reader.text.toString() === text, { message: `the text "${text}"` });
      const presence = JSON.stringify({ text });
      await waitFor(() => JSON.stringify(reader.presence.get(writer.clientId)) === presence, {
        message: `the presence ${presence}`,
      });
    }
    rounds++;
    // Bystanders, not a load.
    await delay(50);
  }
}

function updateOf(text: string): Uint8Array {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

/** An xorshift generator: whole numbers below `limit`, the same ones for the same seed. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed | 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** Messages as providers send them. */
function realFrames(): Uint8Array[] {
  const doc = new Y.Doc();
  doc.clientID = 7;
  doc.getText("text").insert(0, "some text 🙂 with formats");
  doc.getText("text").format(2, 5, { bold: true });
  doc.getMap("map").set("key", { nested: [1, 2.5, null, "x", new Uint8Array(3), 2n ** 40n] });
  doc.getArray("array").insert(0, [new Y.Map(), new Y.XmlElement("p"), 1, 2]);
  doc.getArray("array").delete(1, 2);
  const update = Y.encodeStateAsUpdate(doc);
  const presence = { client: 7, clock: 3, state: { user: { name: "Zoë" }, cursor: [1, 2] } };
  const messages: RawMessage[] = [
    { type: "step1", stateVector: Y.encodeStateVector(doc) },
    { type: "step2", update },
    { type: "update", update },
    { type: "update", update: updateOf("another text") },
    { type: "presence", states: [presence, { client: 8, clock: 0, state: null }] },
    { type: "query" },
    { type: "denied", reason: "no" },
  ];
  return messages.map(encodeRaw);
}

/** A number of 2⁵³ and more, one that never ends, and some that are just large. */
const ABSURD = [
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x80, 0x80, 0x80, 0x80, 0x00],
];

function hostileFrame(random: (limit: number) => number, real: readonly Uint8Array[]): Uint8Array {
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const frame = pick(real);
  switch (random(7)) {
    case 0:
      return Uint8Array.from({ length: random(64) }, () => random(256));
    case 1:
      return frame.subarray(0, random(frame.length));
    case 2: {
      const flipped = frame.slice();
      for (let i = random(4); i >= 0; i--) flipped[random(frame.length)] = random(256);
      return flipped;
    }
    case 3: {
      const at = random(frame.length);
      return Uint8Array.from([
        ...frame.subarray(0, at),
        ...pick(ABSURD),
        ...frame.subarray(at + 1),
      ]);
    }
    case 4:
      return Uint8Array.from([...frame, ...pick(real)]);
    case 5: {
      // A piece of one frame in the middle of another.
      const other = pick(real);
      const at = random(frame.length);
      return Uint8Array.from([...frame.subarray(0, at), ...other.subarray(random(other.length))]);
    }
    default:
      return frame;
  }
}

it(`outlives ${FRAMES} random and mutated frames (HOSTILE_SEED=${SEED})`, {
  timeout: 240_000,
}, async () => {
  const random = randomNumbers(SEED);
  const real = realFrames();
  const observers = await Promise.all(
    Array.from({ length: ATTACKED_ROOMS }, (_, i) => observe(`attacked-${i}`)),
  );
  const codes = new Map<number, number>();
  let sent = 0;
  const attack = async () => {
    while (sent < FRAMES) {
      const room = `attacked-${random(ATTACKED_ROOMS)}`;
      const client = await RawClient.connect(server.wsUrl, room, { keep: false });
      for (let i = 0; i < BURST; i++) client.sendBytes(hostileFrame(random, real));
      sent += BURST;
      const { code } = await client.close();
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: ATTACKERS }, attack));

  // 1000: all frames of the burst were acceptable, and the server answered the goodbye.
  expect([...codes.keys()].sort()).toEqual([1000, 1007]);
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

/** Stays in a room, and checks that everything that arrives is something that Yjs can decode. */
async function observe(room: string): Promise<{ client: RawClient; broken: string[] }> {
  const broken: string[] = [];
  const client = await RawClient.connect(server.wsUrl, room, {
    keep: false,
    onMessage: (message) => {
      if (message.type !== "update" && message.type !== "step2") return;
      try {
        Y.decodeUpdate(message.update);
      } catch (error) {
        broken.push(`${String(error)}: ${Buffer.from(message.update).toString("hex")}`);
      }
    },
  });
  client.sendStep1();
  return { client, broken };
}

/** A presence message whose only state is this text, whatever it is. */
function presenceFrame(json: Uint8Array): Uint8Array {
  const states = encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, 1);
    encoding.writeVarUint(encoder, 1_234);
    encoding.writeVarUint(encoder, 1);
    encoding.writeVarUint8Array(encoder, json);
  });
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, 1);
    encoding.writeVarUint8Array(encoder, states);
  });
}

/** An update with one value: arrays in arrays, `depth` levels deep. */
function nestedUpdate(depth: number): Uint8Array {
  const head = [1, 1, 9, 0, 8, 1, 1, 0x78, 1];
  const value = [...Array.from({ length: depth }, () => [117, 1]).flat(), 126];
  return Uint8Array.from([...head, ...value, 0]);
}

const NESTING = 49_000;
const deepJson = Buffer.from(`${"[".repeat(NESTING)}${"]".repeat(NESTING)}`);

const refused: readonly (readonly [string, number, Uint8Array | string])[] = [
  ["an oversized message", 4413, new Uint8Array(MAX_MESSAGE_BYTES + 1)],
  ["a text frame", 1007, "hello"],
  ["presence that is nested too deeply", 1007, presenceFrame(deepJson)],
  ["presence whose nesting never ends", 1007, presenceFrame(Buffer.alloc(99_000, "["))],
  ["presence that is not JSON", 1007, presenceFrame(Buffer.from("{nope}"))],
  ["presence that is not UTF-8", 1007, presenceFrame(Uint8Array.of(0x22, 0xff, 0xc0, 0x22))],
  [
    "a value that is nested too deeply",
    1007,
    encodeRaw({ type: "update", update: nestedUpdate(40_000) }),
  ],
];

it.each(refused)("refuses %s with %i, and shows it to nobody", async (name, code, frame) => {
  const room = `refused ${name}`;
  const witness = await RawClient.connect(server.wsUrl, room);
  witness.sendStep1();
  await witness.first("step2");
  const client = await RawClient.connect(server.wsUrl, room);
  if (typeof frame === "string") client.sendText(frame);
  else client.sendBytes(frame);
  expect((await client.closed).code).toBe(code);

  const next = await RawClient.connect(server.wsUrl, room);
  next.sendUpdate(updateOf("fine"));
  await witness.first("update");
  expect(witness.faults).toEqual([]);
  expect(witness.messages.filter(({ type }) => type === "update")).toHaveLength(1);
  // Presence without states is a keepalive.
  const presence = witness.messages.filter((message) => message.type === "presence");
  expect(presence.flatMap(({ states }) => states)).toEqual([]);
  expect(witness.document().getText("text").toString()).toBe("fine");
  await Promise.all([witness.close(), next.close()]);
});

it("lets nobody speak for the client of another connection", async () => {
  const owner = await RawClient.connect(server.wsUrl, "owned");
  owner.sendPresence({ client: 42, clock: 1, state: { name: "owner" } });
  const witness = await RawClient.connect(server.wsUrl, "owned");
  await waitFor(() => witness.presenceOf(42), { message: "the owner is seen" });
  const thief = await RawClient.connect(server.wsUrl, "owned");
  thief.sendPresence({ client: 42, clock: 100, state: { name: "thief" } });
  thief.sendPresence({ client: 42, clock: 101, state: null });
  thief.sendPresence({ client: 43, clock: 1, state: { name: "thief" } });
  await waitFor(() => witness.presenceOf(43), { message: "the thief is seen as itself" });
  expect(witness.presenceOf(42)?.state).toEqual({ name: "owner" });

  await thief.close();
  await waitFor(() => witness.presenceOf(43)?.state === null, { message: "the thief is gone" });
  const late = await RawClient.connect(server.wsUrl, "owned");
  await waitFor(() => late.presenceOf(42), { message: "the owner is still there" });
  expect(late.presenceOf(42)?.state).toEqual({ name: "owner" });
  expect(witness.presenceOf(42)?.state).toEqual({ name: "owner" });
  expect(owner.isOpen).toBe(true);
  await Promise.all([owner.close(), witness.close(), late.close()]);
});

it.each([
  ["empty", ""],
  ["too long", "r".repeat(513)],
  ["too long once decoded", "%C3%A9".repeat(257)],
  ["with a NUL", "a%00b"],
  ["with a line break", "a%0Ab"],
  ["not UTF-8", "%FF"],
])("refuses a room name that is %s with 4400", async (_name, room) => {
  const client = await RawClient.connect(server.wsUrl, room);
  expect((await client.closed).code).toBe(4400);
  expect(client.messages).toEqual([]);
});

it(`keeps nothing in memory of ${ROOMS} rooms that were left`, { timeout: 240_000 }, async () => {
  await visitRooms("first");
  const before = await settledBytes();
  await visitRooms("second");
  const after = await settledBytes();
  expect(after - before, `${before >> 20} MB before, ${after >> 20} MB after`).toBeLessThan(
    GROWTH_BYTES,
  );
});

/** Opens rooms, writes into each, leaves when that is durable; returns once all are stored. */
async function visitRooms(prefix: string): Promise<void> {
  const update = updateOf("a few words");
  let next = 0;
  const visit = async () => {
    while (next < ROOMS) await visitRoom(`${prefix}-${next++}`, update);
  };
  await Promise.all(Array.from({ length: ROOMS_AT_ONCE }, visit));
  const database = new DatabaseSync(join(server.dataDir, "journal.db"), { readOnly: true });
  const stored = database.prepare("SELECT count(*) AS n FROM snapshotted_rooms WHERE room LIKE ?");
  const countStored = () => Number(stored.get(`${prefix}-%`)?.n);
  try {
    await waitFor(() => countStored() === ROOMS, {
      timeout: 60_000,
      message: () => `all rooms are stored; ${countStored()} are`,
    });
  } finally {
    database.close();
  }
}

async function visitRoom(room: string, update: Uint8Array): Promise<void> {
  const echo = Promise.withResolvers<void>();
  const client = await RawClient.connect(server.wsUrl, room, {
    keep: false,
    onMessage: ({ type }) => {
      if (type === "update") echo.resolve();
    },
  });
  client.sendStep1();
  client.sendUpdate(update);
  const end = client.closed.then(({ code }) => {
    throw new Error(`room ${room} was closed with ${code} before the update came back`);
  });
  await Promise.race([echo.promise, end]);
  end.catch(() => {});
  await client.close();
}

/** The resident memory of the server once it has not grown for two seconds. */
async function settledBytes(): Promise<number> {
  let lowest = Number.POSITIVE_INFINITY;
  let since = performance.now();
  let bytes = 0;
  await waitFor(
    async () => {
      bytes = await server.residentBytes();
      if (Math.abs(bytes - lowest) > 1024 * 1024) {
        lowest = bytes;
        since = performance.now();
      }
      return performance.now() - since > 2_000;
    },
    { timeout: 30_000, message: () => `memory settles; it is ${bytes >> 20} MB` },
  );
  return bytes;
}
