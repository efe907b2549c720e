import { pino } from "pino";
import { afterEach, expect, it } from "vitest";
import { MemoryGuard, type Weighed } from "../../src/websocket/memory-guard.ts";

const MB = 1024 * 1024;

class Client implements Weighed {
  readonly address: string;
  documentShare = 0;
  isEnded = false;
  #waiting: number;

  constructor(address: string, waiting: number) {
    this.address = address;
    this.#waiting = waiting;
  }

  get waiting(): number {
    return this.isEnded ? 0 : this.#waiting;
  }

  endForMemory(): void {
    this.isEnded = true;
  }
}

const guards: MemoryGuard[] = [];
afterEach(() => {
  for (const guard of guards.splice(0)) guard.close();
});

/** @param limit as a share of this process's current memory usage */
function guardOf(clients: readonly Client[], limit: number): MemoryGuard {
  const guard = new MemoryGuard({
    limit: process.memoryUsage.rss() * limit,
    share: 0.8,
    connections: new Set(clients),
    logger: pino({ level: "silent" }),
    unload: () => {},
  });
  guards.push(guard);
  return guard;
}

it("disconnects the heaviest client of the address that uses most memory", () => {
  const greedy = [300, 200, 100].map((waiting) => new Client("192.0.2.66", waiting * MB));
  const other = new Client("192.0.2.1", 250 * MB);
  const small = Array.from({ length: 100 }, () => new Client("192.0.2.66", 1000));
  const guard = guardOf([...small, other, ...greedy], 1);
  guard.look();
  expect(guard.isFull).toBe(true);
  expect(greedy[0]?.isEnded).toBe(true);
  expect(other.isEnded).toBe(false);
  expect(small.some(({ isEnded }) => isEnded)).toBe(false);
  expect(guard.ended).toBe(1);
});

it("does nothing while memory is available", () => {
  const client = new Client("192.0.2.66", 1000 * MB);
  const guard = guardOf([client], 4);
  guard.look();
  expect(guard.isFull).toBe(false);
  expect(client.isEnded).toBe(false);
});

it("blocks callers while memory is full, until it is closed at the latest", async () => {
  const guard = guardOf([new Client("192.0.2.66", 1000 * MB)], 1);
  await guard.whenNotFull();
  guard.look();
  let waits = true;
  const waited = guard.whenNotFull().then(() => {
    waits = false;
  });
  await Promise.resolve();
  expect(waits).toBe(true);
  guard.close();
  await waited;
});
