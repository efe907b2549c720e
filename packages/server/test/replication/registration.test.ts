import { beforeEach, expect, it } from "vitest";
import { alone } from "../../src/replication/cluster.ts";
import { Registration } from "../../src/replication/registration.ts";
import { type OtherHolders, type Registry, RegistryError } from "../../src/replication/registry.ts";

const NOBODY: OtherHolders = { alive: [], lapsed: [] };

let calls: string[];
let holding: PromiseWithResolvers<OtherHolders>;
let registration: Registration;

beforeEach(() => {
  calls = [];
  const registry: Registry = {
    ...alone("127.0.0.1:1").registry,
    hold: async () => {
      calls.push("hold");
      holding = Promise.withResolvers();
      const others = await holding.promise;
      calls.push("held");
      return others;
    },
    release: async () => {
      calls.push("released");
    },
  };
  registration = new Registration("room", registry);
});

it("is due until it is made, but not while it is in progress", async () => {
  expect(registration.isDue(1)).toBe(true);
  const made = registration.hold();
  expect(registration.isDue(1)).toBe(false);
  holding.resolve(NOBODY);
  expect(await made).toBe(NOBODY);
  expect(registration.isDue(1)).toBe(false);
});

it("is due again after it has failed", async () => {
  const failed = registration.hold();
  holding.reject(new RegistryError("down"));
  await expect(failed).rejects.toThrow("down");
  expect(registration.isDue(1)).toBe(true);
});

it("is due again from its renewal time on", async () => {
  const made = registration.hold();
  holding.resolve(NOBODY);
  await made;
  registration.renew(10);
  expect(registration.isDue(9)).toBe(false);
  expect(registration.isDue(10)).toBe(true);
});

it("is due again if a renewal was requested while it was in progress", async () => {
  const made = registration.hold();
  registration.renew(10);
  expect(registration.isDue(10)).toBe(false);
  holding.resolve(NOBODY);
  await made;
  expect(registration.isDue(10)).toBe(true);
});

it("is released only after it has been made", async () => {
  const made = registration.hold();
  const released = registration.release();
  holding.resolve(NOBODY);
  await Promise.all([made, released]);
  expect(calls).toEqual(["hold", "held", "released"]);
});

it("is released even if it has failed, because it may exist nevertheless", async () => {
  const made = registration.hold();
  const released = registration.release();
  holding.reject(new RegistryError("no answer"));
  await expect(made).rejects.toThrow("no answer");
  await released;
  expect(calls).toEqual(["hold", "released"]);
});
