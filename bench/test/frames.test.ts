import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameReader, maskedFrame, OPCODE_BINARY } from "../src/client/frames.ts";

function serverFrame(payload: Uint8Array): Buffer {
  const size = payload.length;
  if (size < 126) return Buffer.from([0x82, size, ...payload]);
  if (size < 65_536) return Buffer.from([0x82, 126, size >> 8, size & 0xff, ...payload]);
  const header = Buffer.alloc(10);
  header[0] = 0x82;
  header[1] = 127;
  header.writeBigUInt64BE(BigInt(size), 2);
  return Buffer.concat([header, payload]);
}

function readAll(chunks: readonly Buffer[]): Buffer[] {
  const messages: Buffer[] = [];
  const reader = new FrameReader((opcode, buffer, start, end) => {
    expect(opcode).toBe(OPCODE_BINARY);
    messages.push(Buffer.from(buffer.subarray(start, end)));
  });
  for (const chunk of chunks) reader.push(chunk, 0, chunk.length);
  return messages;
}

function cut(stream: Buffer, places: readonly number[]): Buffer[] {
  const edges = [0, ...places, stream.length];
  return edges.slice(1).map((edge, index) => stream.subarray(edges[index], edge));
}

test("reads the same frames however the stream is split", () => {
  const sizes = [0, 1, 125, 126, 300];
  const messages = sizes.map((size) => Buffer.alloc(size, size));
  const stream = Buffer.concat(messages.map(serverFrame));
  const places = Array.from({ length: stream.length }, (_, index) => index);
  fc.assert(
    fc.property(fc.subarray(places), (cuts) => {
      expect(readAll(cut(stream, cuts))).toEqual(messages);
    }),
  );
});

test("a large frame is assembled from its chunks", () => {
  const message = Buffer.alloc(200_000, 7);
  const stream = Buffer.concat([serverFrame(message), serverFrame(Buffer.from("next"))]);
  expect(readAll(cut(stream, [1, 9, 10, 65_536, 131_072]))).toEqual([message, Buffer.from("next")]);
});

test("fragmented and masked frames are refused", () => {
  expect(() => readAll([Buffer.from([0x02, 1, 0])])).toThrow("fragmented");
  expect(() => readAll([maskedFrame(Uint8Array.of(1))])).toThrow("masked");
});

test("a client frame unmasks to its prefix and payload", () => {
  const bytes = fc.uint8Array({ maxLength: 400 });
  fc.assert(
    fc.property(bytes, bytes, (prefix, payload) => {
      const frame = maskedFrame(payload, OPCODE_BINARY, prefix);
      const start = frame.length - prefix.length - payload.length;
      const mask = frame.subarray(start - 4, start);
      expect(mask.some((byte) => byte !== 0)).toBe(true);
      const unmasked = frame.subarray(start).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
      expect(Buffer.from(unmasked)).toEqual(Buffer.concat([prefix, payload]));
      const lengthBytes = start - 6;
      const size = lengthBytes === 0 ? (frame[1] ?? 0) & 0x7f : frame.readUInt16BE(2);
      expect(size).toBe(prefix.length + payload.length);
    }),
  );
});
