import { expect, it } from "vitest";
import { frameAwareness, frameUpdate } from "../../src/protocol/frame.ts";
import { messageOf } from "../../src/protocol/message-of-frame.ts";
import { isAwareness, splitAwareness } from "../../src/websocket/awareness-frames.ts";
import { decodeRaw } from "../support/raw-messages.ts";

const MESSAGE_BYTES = 130 * 1024;

function stateOf(bytes: number): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ name: "x".repeat(bytes) }));
}

it("splits the awareness of a large room into short messages, once for all clients", () => {
  const states = Array.from({ length: 500 }, (_, i) => ({
    client: i,
    clock: i % 7,
    state: i % 50 === 0 ? stateOf(60_000) : stateOf(i),
  }));
  const frame = frameAwareness(states);
  const frames = splitAwareness(frame);
  expect(frames.length).toBeGreaterThan(5);
  const seen = frames.flatMap((one) => {
    expect(one.length).toBeLessThan(MESSAGE_BYTES);
    expect(isAwareness(one)).toBe(true);
    const message = decodeRaw(messageOf(one));
    return message.type === "presence" ? message.states : [];
  });
  const decoded = decodeRaw(messageOf(frame));
  expect(seen).toEqual(decoded.type === "presence" ? decoded.states : []);
  expect(splitAwareness(frame)).toBe(frames);
});

it("leaves short awareness messages unchanged and distinguishes them from updates", () => {
  const frame = frameAwareness([{ client: 1, clock: 1, state: stateOf(10) }]);
  expect(splitAwareness(frame)).toEqual([frame]);
  expect(isAwareness(frameUpdate(Uint8Array.of(0, 0)).frame)).toBe(false);
});
