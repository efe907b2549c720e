import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EventStream } from "../../src/http/api/event-stream.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A stream that records what happens to it. */
function open() {
  const seen = { drained: 0, closed: 0, disconnected: 0 };
  const stream = new EventStream(
    { onDrained: () => seen.drained++, onClosed: () => seen.closed++ },
    () => seen.disconnected++,
  );
  const reader = stream.body.getReader();
  const read = async () => {
    const { done, value } = await reader.read();
    return done ? null : new TextDecoder().decode(value);
  };
  return { stream, seen, reader, read };
}

/** Lets a stream do its work between two reads. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("an event stream", () => {
  it("announces the reconnect delay first, then sends what is written", async () => {
    const { stream, read } = open();
    expect(await read()).toBe("retry: 2000\n\n");
    expect(stream.writable).toBe(true);
    stream.write(["event: a\n", "data: 1\n\n"]);
    expect(stream.writable).toBe(true);
    expect([await read(), await read()]).toEqual(["event: a\n", "data: 1\n\n"]);
    stream.close();
    expect(await read()).toBeNull();
  });

  it("generates an event only as fast as the client reads it", async () => {
    const { stream, seen, read } = open();
    await read();
    let made = 0;
    function* pieces(): Generator<string> {
      for (; made < 100; made++) yield "x".repeat(8 * 1024);
    }
    stream.write(pieces());
    await turn();
    expect(made).toBeLessThan(5);
    expect(stream.writable).toBe(false);
    const { drained } = seen;
    for (let i = 0; i < 50; i++) await read();
    await turn();
    expect(made).toBeLessThan(55);
    expect(seen.drained).toBe(drained);
    for (let i = 50; i < 100; i++) await read();
    await turn();
    expect(stream.writable).toBe(true);
    expect(seen.drained).toBeGreaterThan(drained);
  });

  it("sends a heartbeat every 15 seconds, but never within an event", async () => {
    const { stream, read } = open();
    await read();
    vi.advanceTimersByTime(15_000);
    expect(await read()).toBe("event: heartbeat\ndata: {}\n\n");
    stream.write(["x".repeat(20_000), "y"]);
    vi.advanceTimersByTime(15_000);
    expect(await read()).toBe("x".repeat(20_000));
    expect(await read()).toBe("y");
  });

  it("is disconnected if the client reads nothing for a minute", async () => {
    const { stream, seen, read } = open();
    await read();
    stream.write(["x".repeat(20_000), "y".repeat(20_000), "z".repeat(20_000)]);
    vi.advanceTimersByTime(45_000);
    await read();
    await turn();
    vi.advanceTimersByTime(45_000);
    expect(seen.disconnected).toBe(0);
    vi.advanceTimersByTime(15_000);
    expect(seen.disconnected).toBe(1);
  });

  it("closes once, whichever side closes it, and then does nothing", async () => {
    const { stream, seen, reader } = open();
    await reader.cancel();
    stream.close();
    stream.write(["x"]);
    vi.advanceTimersByTime(120_000);
    expect(seen).toMatchObject({ closed: 1, disconnected: 0 });
    expect(stream.writable).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });
});
