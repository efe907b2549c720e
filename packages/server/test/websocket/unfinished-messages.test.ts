import { Duplex } from "node:stream";
import { pino } from "pino";
import { expect, it } from "vitest";
import { UnfinishedMessages } from "../../src/websocket/unfinished-messages.ts";

const MB = 1024 * 1024;

/** The counter of a connection from an address. */
class Sender {
  readonly address: string;
  readonly socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
  readonly message;
  isEnded = false;

  constructor(all: UnfinishedMessages, address: string) {
    this.address = address;
    this.message = all.of(this, this.socket);
  }

  endForMemory(): void {
    this.isEnded = true;
  }

  send(bytes: number): void {
    this.socket.emit("data", Buffer.alloc(bytes));
  }
}

function unfinished(limit = 10 * MB): UnfinishedMessages {
  return new UnfinishedMessages(limit, pino({ level: "silent" }), () => {});
}

it("above the limit, the address that uses most loses its largest messages", () => {
  const all = unfinished(10.2 * MB);
  const greedy = Array.from({ length: 6 }, () => new Sender(all, "192.0.2.66"));
  const others = ["192.0.2.1", "192.0.2.2"].map((address) => new Sender(all, address));
  // Each of the others holds more than any single greedy one.
  for (const other of others) other.send(2 * MB);
  for (const sender of greedy) sender.send(MB);
  expect(all.ended).toBe(0);
  greedy[0]?.send(MB / 2);
  expect(greedy[0]?.isEnded).toBe(true);
  expect(others.map(({ isEnded }) => isEnded)).toEqual([false, false]);
  expect(all.bytes).toBeLessThan(8 * MB);
  expect(all.ended).toBe(greedy.filter(({ isEnded }) => isEnded).length);
});

it("complete messages do not count, but held ones do", () => {
  const all = unfinished();
  const sender = new Sender(all, "192.0.2.1");
  for (let i = 0; i < 100; i++) {
    sender.send(MB);
    sender.message.whole();
  }
  expect(all.bytes).toBe(0);
  sender.message.hold(4 * MB);
  expect(all.bytes).toBe(4 * MB);
  sender.message.release();
  expect(all.bytes).toBe(0);
  expect(sender.isEnded).toBe(false);
});

it("a closed connection counts for nothing, whatever still arrives from it", () => {
  const all = unfinished();
  const sender = new Sender(all, "192.0.2.1");
  sender.send(MB);
  sender.socket.emit("close");
  sender.send(MB);
  sender.message.hold(MB);
  sender.message.whole();
  sender.message.release();
  expect(all.bytes).toBe(0);
});

it("single bytes count with their overhead", () => {
  const all = unfinished();
  const sender = new Sender(all, "192.0.2.1");
  for (let i = 0; i < 40_000 && !sender.isEnded; i++) sender.send(1);
  expect(sender.isEnded).toBe(true);
});
