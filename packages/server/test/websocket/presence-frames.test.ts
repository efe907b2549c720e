import { expect, it } from "vitest";
import { framePresence, frameUpdate } from "../../src/protocol/frame.ts";
import { messageOf } from "../../src/protocol/message-of-frame.ts";
import { encodePresence } from "../../src/protocol/presence.ts";
import { isPresence, splitPresence } from "../../src/websocket/presence-frames.ts";
import { decodeRaw } from "../support/raw-messages.ts";

const MESSAGE_BYTES = 130 * 1024;

function stateOf(bytes: number): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ name: "x".repeat(bytes) }));
}

it("splits the presence of a large room into messages of which each is short, once for all", () => {
  const states = Array.from({ length: 500 }, (_, i) => ({
    client: i,
    clock: i % 7,
    state: i % 50 === 0 ? stateOf(60_000) : stateOf(i),
  }));
  const frame = framePresence(encodePresence(states));
  const frames = splitPresence(frame);
  expect(frames.length).toBeGreaterThan(5);
  const seen = frames.flatMap((one) => {
    expect(one.length).toBeLessThan(MESSAGE_BYTES);
    expect(isPresence(one)).toBe(true);
    const message = decodeRaw(messageOf(one));
    return message.type === "presence" ? message.states : [];
  });
  const decoded = decodeRaw(messageOf(frame));
  expect(seen).toEqual(decoded.type === "presence" ? decoded.states : []);
  expect(splitPresence(frame)).toBe(frames);
});

it("leaves short presence as it is, and knows it from updates", () => {
  const frame = framePresence(encodePresence([{ client: 1, clock: 1, state: stateOf(10) }]));
  expect(splitPresence(frame)).toEqual([frame]);
  expect(isPresence(frameUpdate(Uint8Array.of(0, 0)).frame)).toBe(false);
});
