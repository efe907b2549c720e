import { pino } from "pino";
import { expect, it } from "vitest";
import { GivenAccess } from "../../src/auth/given-access.ts";
import { attempt, outcome } from "./attempt.ts";

it("does not wait for ever for the application", async () => {
  const logger = pino({ level: "silent" });
  const access = new GivenAccess(() => new Promise(() => {}), logger, 20);
  expect(await outcome(access.authorize(attempt(undefined)))).toBe("unavailable");
});

it("does not take a misspelt end for none", async () => {
  const logger = pino({ level: "silent" });
  const granted = { subject: null, level: "read-write", expiresAt: null } as const;
  const ask = (answer: object) =>
    outcome(new GivenAccess(() => ({ ...granted, ...answer }), logger).authorize(attempt("x")));
  expect(await ask({ expires: 1 })).toBe("unavailable");
  expect(await ask({ name: "Ada" })).toBe("read-write");
});
