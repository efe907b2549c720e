import fc from "fast-check";
import { createDecoder, readVarUint } from "lib0/decoding";
import { expect, it } from "vitest";
import { putVarUint, varUintLength } from "../../src/protocol/var-uint.ts";

it("writes varuints that lib0 can read, with the predicted length", () => {
  const value = fc.oneof(fc.maxSafeNat(), fc.nat({ max: 1_000 }));
  fc.assert(
    fc.property(value, fc.nat({ max: 3 }), (number, at) => {
      const bytes = new Uint8Array(at + varUintLength(number));
      expect(putVarUint(bytes, at, number)).toBe(bytes.length);
      const decoder = createDecoder(bytes.subarray(at));
      expect(readVarUint(decoder)).toBe(number);
      expect(decoder.pos).toBe(bytes.length - at);
    }),
  );
});
