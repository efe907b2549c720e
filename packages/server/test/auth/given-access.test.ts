import { pino } from "pino";
import { expect, it } from "vitest";
import { CustomAccess } from "../../src/auth/custom-access.ts";
import { attempt, outcome } from "./attempt.ts";

it("gives up on an application that never decides", async () => {
  const logger = pino({ level: "silent" });
  const access = new CustomAccess(() => new Promise(() => {}), logger, 20);
  expect(await outcome(access.authorize(attempt(undefined)))).toBe("unavailable");
});

it("does not mistake a misspelt expiry for none", async () => {
  const logger = pino({ level: "silent" });
  const granted = { subject: null, level: "read-write", expiresAt: null } as const;
  const ask = (answer: object) =>
    outcome(new CustomAccess(() => ({ ...granted, ...answer }), logger).authorize(attempt("x")));
  expect(await ask({ expires: 1 })).toBe("unavailable");
  expect(await ask({ name: "Ada" })).toBe("read-write");
});
