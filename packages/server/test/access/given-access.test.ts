import { pino } from "pino";
import { expect, it } from "vitest";
import { GivenAccess } from "../../src/access/given-access.ts";
import { attempt, outcome } from "./attempt.ts";

it("does not wait for ever for the application", async () => {
  const logger = pino({ level: "silent" });
  const access = new GivenAccess(() => new Promise(() => {}), logger, 20);
  expect(await outcome(access.authorize(attempt(undefined)))).toBe("unavailable");
});
