import fc from "fast-check";
import * as encoding from "lib0/encoding";
import { describe, expect, it } from "vitest";
import { Awareness, encodeAwarenessUpdate } from "y-protocols/awareness";
import * as Y from "yjs";
import { AwarenessReader, checkAwareness, LEFT } from "../../src/protocol/awareness.ts";
import {
  allocatePooled,
  frameAwareness,
  frameDiff,
  frameStateVector,
  frameUpdate,
  KEEPALIVE,
} from "../../src/protocol/frame.ts";
import { MalformedError } from "../../src/protocol/malformed-error.ts";
import { type MessageReceiver, readMessage } from "../../src/protocol/message.ts";
import { RoomNameError, roomOfUrl } from "../../src/protocol/room-name.ts";
import { decodeStateVector, encodeStateVector } from "../../src/protocol/state-vector.ts";
import { TooLargeError } from "../../src/protocol/too-large-error.ts";
import { encodeAwareness } from "../support/awareness-bytes.ts";
import { decodeFrames } from "../support/frames.ts";

function received(message: Uint8Array): [string, Uint8Array?][] {
  const calls: [string, Uint8Array?][] = [];
  const receiver: MessageReceiver = {
    onStateVector: (bytes) => calls.push(["state-vector", bytes]),
    onDiff: (bytes) => calls.push(["diff", bytes]),
    onUpdate: (bytes) => calls.push(["update", bytes]),
    onAwareness: (bytes) => calls.push(["presence", bytes]),
    onAwarenessQuery: () => calls.push(["query"]),
  };
  readMessage(message, receiver);
  return calls;
}

function message(head: number[], body?: Uint8Array): Uint8Array {
  const encoder = encoding.createEncoder();
  for (const number of head) encoding.writeVarUint(encoder, number);
  if (body !== undefined) encoding.writeVarUint8Array(encoder, body);
  return encoding.toUint8Array(encoder);
}

const bytes = fc.uint8Array({ maxLength: 300 });

describe("the message reader", () => {
  it("reads every message that a client sends", () => {
    fc.assert(
      fc.property(bytes, (body) => {
        expect(received(message([0, 0], body))).toEqual([["state-vector", body]]);
        expect(received(message([0, 1], body))).toEqual([["diff", body]]);
        expect(received(message([0, 2], body))).toEqual([["update", body]]);
        expect(received(message([1], body))).toEqual([["presence", body]]);
      }),
    );
    expect(received(message([3]))).toEqual([["query"]]);
  });

  it("ignores unknown types, and anything after the first message", () => {
    expect(received(message([2, 0], new Uint8Array()))).toEqual([]);
    expect(received(message([250]))).toEqual([]);
    const body = Uint8Array.of(1, 2);
    expect(received(new Uint8Array([...message([0, 2], body), 9, 9]))).toEqual([["update", body]]);
  });

  it.each([
    ["an empty message", []],
    ["a sync message without a step", [0]],
    ["an unknown sync step", [0, 7, 0]],
    ["a length beyond the end", [0, 2, 200, 1, 1]],
    ["a truncated number", [0, 2, 0x80]],
  ])("refuses %s", (_, raw) => {
    expect(() => received(Uint8Array.from(raw))).toThrow(MalformedError);
  });

  it("throws nothing but MalformedError, whatever the input", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (raw) => {
        try {
          received(raw);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedError);
        }
      }),
      { numRuns: 20_000 },
    );
  });
});

describe("frames", () => {
  it("contain one message each, at every header length", () => {
    for (const length of [0, 1, 100, 121, 122, 123, 124, 127, 128, 65_500, 65_540, 200_000]) {
      const body = new Uint8Array(length).fill(7);
      const frames = [frameStateVector(body), frameDiff(body).frame, frameUpdate(body).frame];
      expect(decodeFrames(frames)).toEqual([
        { type: "state-vector", stateVector: body },
        { type: "diff", update: body },
        { type: "update", update: body },
      ]);
      const states = [{ client: length, clock: 1, state: body }];
      expect(
        decodeFrames([frameAwareness(states), frameAwareness(states, allocatePooled)]),
      ).toEqual([
        { type: "presence", states: encodeAwareness(states) },
        { type: "presence", states: encodeAwareness(states) },
      ]);
      expect(frameUpdate(body).update).toEqual(body);
    }
  });

  it("keep a connection alive with an empty awareness message", () => {
    expect(decodeFrames([KEEPALIVE])).toEqual([{ type: "presence", states: Uint8Array.of(0) }]);
  });
});

describe("awareness states", () => {
  it("are read and written as in y-protocols", () => {
    const awareness = new Awareness(new Y.Doc());
    awareness.setLocalState({ name: "Zoë", cursor: [1, 2] });
    const encoded = encodeAwarenessUpdate(awareness, [awareness.clientID]);
    const states = new AwarenessReader(encoded);
    expect(states.next()).toBe(true);
    const { client, clock, state, isLeft } = states;
    expect({ client, isLeft }).toEqual({ client: awareness.clientID, isLeft: false });
    expect(encodeAwareness([{ client, clock, state }])).toEqual(encoded);
    expect(states.next()).toBe(false);
    awareness.destroy();
  });

  it.each(["{", "[1,]", "undefined", `${"[".repeat(30_000)}${"]".repeat(30_000)}`])(
    "must be valid JSON that is not nested too deeply: %#",
    (json) => {
      expect(() => checkAwareness(new TextEncoder().encode(json))).toThrow(MalformedError);
    },
  );

  it("must not be larger than 64 KiB", () => {
    const state = (bytes: number) =>
      new TextEncoder().encode(JSON.stringify("x".repeat(bytes - 2)));
    expect(() => checkAwareness(state(64 * 1024))).not.toThrow();
    expect(() => checkAwareness(state(64 * 1024 + 1))).toThrow(TooLargeError);
  });

  it.each([0, 1, 5, 11])("are malformed when truncated after %i bytes", (bytes) => {
    const sent = encodeAwareness([
      { client: 300, clock: 1, state: LEFT },
      { client: 1, clock: 2, state: LEFT },
    ]);
    const read = () => {
      const states = new AwarenessReader(sent.subarray(0, bytes));
      while (states.next());
    };
    expect(read).toThrow(MalformedError);
  });

  it("show that a client has left", () => {
    const states = new AwarenessReader(encodeAwareness([{ client: 1, clock: 2, state: LEFT }]));
    states.next();
    expect(states.isLeft).toBe(true);
  });

  it("must be UTF-8", () => {
    expect(() => checkAwareness(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(MalformedError);
  });
});

describe("state vectors", () => {
  it("are compatible with Yjs", () => {
    const vector = new Map([
      [1, 5],
      [2 ** 32, 7],
    ]);
    expect(Y.decodeStateVector(encodeStateVector(vector))).toEqual(vector);
    expect(decodeStateVector(encodeStateVector(vector))).toEqual(vector);
    expect(() => decodeStateVector(Uint8Array.of(3, 1))).toThrow(MalformedError);
  });
});

describe("room names", () => {
  it.each([
    ["/room", "room"],
    ["/a/b/c?token=secret", "a/b/c"],
    ["/caf%C3%A9%20%F0%9F%92%A1", "café 💡"],
    ["/%", "%"],
    ["/100%", "100%"],
    ["/50%%20off%zz%2", "50% off%zz%2"],
    ["/100%25", "100%"],
    ["/../up", "../up"],
  ])("are decoded from %s", (url, room) => expect(roomOfUrl(url)).toBe(room));

  it.each(["/", "/?token=x", `/${"x".repeat(513)}`, "/%ff", "/a%00b"])(
    "are refused in %s",
    (url) => {
      expect(() => roomOfUrl(url)).toThrow(RoomNameError);
    },
  );
});
