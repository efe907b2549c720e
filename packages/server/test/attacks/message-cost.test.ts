import { afterEach, describe, expect, it } from "vitest";
import { start } from "../library/servers.ts";
import { ExpensiveMessages, type Message } from "../support/expensive-messages.ts";
import { frame, RawSocket } from "./canary/raw-socket.ts";

// How much event-loop time one message may cost, measured as CPU time on the thread of a real server in
// this process, so that other work on the machine does not count. Sends `RUNS` series of messages,
// whose seeds start at `SEED`.

const FIXED_US = 1_000;
const US_PER_KB = 20;
/** The same work takes longer on a busy machine: caches and clocks are shared. */
const TOLERANCE = Number(process.env.TOLERANCE ?? 1.5);
const RUNS = Number(process.env.RUNS ?? 5);
const SEED = Number(process.env.SEED ?? 20261127);
const MESSAGES = 10;
/** Warm-up series: code that is not yet compiled takes several times as long. */
const WARM_UP = 16;
/**
 * Each series is sent to this many new rooms, because a garbage collection affects only one of them. A
 * series with a message that cost too much is sent again: only a recurring cost is due to the message.
 */
const REPEATS = 3;
const MOST_REPEATS = 12;
/** How long the server must be idle before a message counts as done, in turns of a few milliseconds. */
const QUIET_TURNS = 3;

/** A message of an unknown type, which costs only the network and the measurement. */
const NOTHING = frame(Uint8Array.of(9));

interface Measured {
  readonly message: Message;
  readonly us: number;
  /** Bytes sent, plus the bytes that clients received for it: they read them on the same thread. */
  readonly bytes: number;
}

const sockets: RawSocket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

function ratio({ us, bytes }: Measured): number {
  return us / (FIXED_US + (US_PER_KB * bytes) / 1_024);
}

async function connect(port: number, room: string): Promise<RawSocket> {
  const socket = await RawSocket.open(port, "127.0.0.1");
  sockets.push(socket);
  await socket.upgrade(`/${room}`);
  return socket;
}

function cpu(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** Waits until the server is idle. */
async function settle(): Promise<void> {
  let before = cpu();
  for (let quiet = 0; quiet < QUIET_TURNS; ) {
    await new Promise((resolve) => setTimeout(resolve, 6));
    const now = cpu();
    quiet = now - before < 400 ? quiet + 1 : 0;
    before = now;
  }
}

function receivedBy(clients: readonly RawSocket[]): number {
  return clients.reduce((sum, { received }) => sum + received, 0);
}

async function costOf(socket: RawSocket, bytes: Uint8Array): Promise<number> {
  await settle();
  const began = cpu();
  socket.write(bytes);
  await settle();
  return cpu() - began;
}

describe("a message", () => {
  it(
    "costs event-loop time bounded by its size, whatever it contains",
    async () => {
      const unlimited = "1000000";
      const server = await start({
        settings: {
          MAX_LOOP_MS_PER_SECOND: unlimited,
          MAX_LOOP_MS_PER_SECOND_PER_ADDRESS: unlimited,
          MAX_MESSAGES_PER_SECOND: unlimited,
        },
      });
      const port = Number(new URL(server.url).port);
      const all: Measured[] = [];
      for (let run = -WARM_UP; run < RUNS; run++) {
        const made = new ExpensiveMessages(SEED + run, run % 2 === 0 ? 2_000 : 40_000);
        const series = Array.from({ length: MESSAGES }, () => made.next());
        const least: Measured[] = [];
        const isDear = () => least.some((one) => ratio(one) > TOLERANCE);
        const repeats = () => (run < 0 ? 1 : isDear() ? MOST_REPEATS : REPEATS);
        for (let repeat = 0; repeat < repeats(); repeat++) {
          const room = `room-${run}-${repeat}`;
          const [reader, writer] = [await connect(port, room), await connect(port, room)];
          reader.send(Uint8Array.of(0, 0, 1, 0));
          await settle();
          let socket = writer;
          for (const [i, message] of series.entries()) {
            // A malformed message closes the connection.
            if (!socket.isOpen) socket = await connect(port, room);
            const nothing = await costOf(socket, NOTHING);
            const received = receivedBy(sockets);
            const us = Math.max(0, (await costOf(socket, frame(message.bytes))) - nothing);
            const bytes = message.bytes.length + receivedBy(sockets) - received;
            const before = least[i];
            if (before === undefined || us < before.us) least[i] = { message, us, bytes };
          }
          for (const one of sockets.splice(0)) one.destroy();
          await settle();
        }
        if (run < 0) continue;
        all.push(...least);
      }
      const worst = all.toSorted((a, b) => ratio(b) - ratio(a)).slice(0, 8);
      const report = worst.map(
        (one) =>
          `${ratio(one).toFixed(2)}× the bound: ${(one.us / 1_000).toFixed(2)} ms, ` +
          `${Math.round((1_024 * one.us) / one.bytes)} µs/KB, for ${one.message.bytes.length} bytes, ` +
          `${one.bytes} including what clients received for it (${one.message.name})`,
      );
      process.stdout.write(`    ${report.join("\n    ")}\n`);
      expect(worst.filter((one) => ratio(one) > TOLERANCE).length, report.join("\n")).toBe(0);
    },
    RUNS * 60_000,
  );
});
