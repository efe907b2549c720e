import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FlightWindow } from "../../src/websocket/flight-window.ts";

const PART = 64 * 1024;

let window: FlightWindow;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  window = new FlightWindow();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Writes until the window is closed. @returns the pings that were due and the bytes written */
function fill(): { pings: Buffer[]; bytes: number } {
  const pings: Buffer[] = [];
  let bytes = 0;
  while (window.isOpen) {
    const ping = window.written(PART);
    bytes += PART;
    if (ping !== null) pings.push(ping);
  }
  return { pings, bytes };
}

function acknowledge(pings: readonly Buffer[], after: number): boolean {
  vi.advanceTimersByTime(after);
  return pings.map((ping) => window.acknowledge(ping)).includes(true);
}

describe("the window of bytes in flight to a client", () => {
  it("stays at two parts for a slow client", () => {
    for (let i = 0; i < 5; i++) {
      const { pings, bytes } = fill();
      expect(bytes).toBe(2 * PART);
      expect(acknowledge(pings, 4_000)).toBe(true);
      expect(window.isFast).toBe(false);
    }
  });

  it("doubles with each pong from a fast client, up to 4 MB, and shrinks if the client slows down", () => {
    const sizes: number[] = [];
    for (let i = 0; i < 8; i++) {
      const { pings, bytes } = fill();
      sizes.push(bytes / PART);
      acknowledge(pings, 10);
      expect(window.isFast).toBe(true);
    }
    expect(sizes).toEqual([2, 4, 8, 16, 32, 64, 64, 64]);
    for (let i = 0; i < 3; i++) acknowledge(fill().pings, 10_000);
    expect(fill().bytes).toBe(2 * PART);
    expect(window.isFast).toBe(false);
  });

  it("treats a pong as acknowledging all earlier pings, and pings only occasionally", () => {
    const { pings } = fill();
    expect(acknowledge(pings.slice(-1), 1)).toBe(true);
    expect(window.written(100)).toBe(null);
    expect(pings.every((ping) => FlightWindow.owns(ping))).toBe(true);
    expect([Buffer.from("12345"), Buffer.alloc(0)].some(FlightWindow.owns)).toBe(false);
  });
});
