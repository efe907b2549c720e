import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Admission, ConnectionLimits } from "../../src/auth/connection-limits.ts";
import { TokenBucket } from "../../src/auth/token-bucket.ts";

afterEach(() => {
  vi.useRealTimers();
});

describe("a token bucket", () => {
  it("admits a burst of twice the rate, then the rate", () => {
    const bucket = new TokenBucket(100, 0);
    const taken = (now: number, tries: number) =>
      Array.from({ length: tries }, () => bucket.take(now)).filter(Boolean).length;
    expect(taken(0, 1000)).toBe(200);
    expect(taken(9, 10)).toBe(0);
    expect(taken(10, 10)).toBe(1);
    expect(taken(1_010, 1000)).toBe(100);
    expect(taken(60_000, 1000)).toBe(200);
  });

  it("admits single requests at rates below one per second", () => {
    const bucket = new TokenBucket(0.1, 0);
    expect([0, 1_000, 9_999, 10_001, 15_000].map((now) => bucket.take(now))).toEqual([
      true,
      false,
      false,
      true,
      false,
    ]);
  });

  it("never admits more than one burst plus its rate", () => {
    const pauses = fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(pauses, fc.integer({ min: 1, max: 50 }), (all, rate) => {
        const bucket = new TokenBucket(rate, 0);
        let now = 0;
        let taken = 0;
        for (const pause of all) {
          now += pause;
          for (let i = 0; i < 20; i++) taken += bucket.take(now) ? 1 : 0;
        }
        expect(taken).toBeLessThanOrEqual(rate * 2 + (now / 1000) * rate + 1e-6);
      }),
    );
  });
});

describe("connection limits", () => {
  const MANY = { connections: 1e6, connectionsPerAddress: 1e6, attemptsPerSecondPerAddress: 1e6 };

  function admitted(limits: ConnectionLimits, address: string): Admission {
    const admission = limits.admit(address);
    if (typeof admission === "string") throw new Error(`${address} was refused: ${admission}`);
    return admission;
  }

  it("apply to the server; each connection released makes room for one", () => {
    const limits = new ConnectionLimits({ ...MANY, connections: 2 });
    const first = admitted(limits, "192.0.2.1");
    admitted(limits, "192.0.2.2");
    expect(limits.admit("192.0.2.3")).toBe("connections");
    first.release();
    first.release();
    admitted(limits, "192.0.2.3");
    expect(limits.admit("192.0.2.4")).toBe("connections");
  });

  it("apply to each address separately", () => {
    const limits = new ConnectionLimits({ ...MANY, connectionsPerAddress: 2 });
    const first = admitted(limits, "192.0.2.1");
    admitted(limits, "192.0.2.1");
    expect(limits.admit("192.0.2.1")).toBe("connections-per-address");
    admitted(limits, "192.0.2.2");
    first.release();
    admitted(limits, "192.0.2.1");
    expect(limits.admit("192.0.2.1")).toBe("connections-per-address");
  });

  it("count a /64 network of IPv6 addresses as one address", () => {
    const limits = new ConnectionLimits({ ...MANY, connectionsPerAddress: 1 });
    admitted(limits, "2001:db8:1:2::1");
    expect(limits.admit("2001:db8:1:2:ffff::9")).toBe("connections-per-address");
    admitted(limits, "2001:db8:1:3::1");
  });

  it("apply to attempts, including refused ones", () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const limits = new ConnectionLimits({
      ...MANY,
      connectionsPerAddress: 1,
      attemptsPerSecondPerAddress: 2,
    });
    const attempts = () => Array.from({ length: 6 }, () => limits.admit("192.0.2.1"));
    expect(attempts().slice(1)).toEqual([
      "connections-per-address",
      "connections-per-address",
      "connections-per-address",
      "attempts-per-address",
      "attempts-per-address",
    ]);
    admitted(limits, "192.0.2.2");
    vi.advanceTimersByTime(1_000);
    expect(attempts().slice(0, 3)).toEqual([
      "connections-per-address",
      "connections-per-address",
      "attempts-per-address",
    ]);
  });
});
