import { expect, it } from "vitest";
import { troublesOf } from "../../../dashboard/src/views/servers/troubles.ts";
import type { ServerStatus } from "../../src/http/api/schemas.ts";

function server(address: string, failing: Record<string, string>): ServerStatus {
  return {
    address,
    version: "1.0.0",
    startedAt: "2026-01-01T00:00:00.000Z",
    documents: 0,
    connections: 0,
    memory: { resident: 0, heapUsed: 0 },
    loopDelay: { p99: 0, max: 0 },
    lease: "held",
    draining: false,
    failing,
  } as ServerStatus;
}

it("combines failures of the same service on several servers into one trouble", () => {
  const troubles = troublesOf({
    servers: [
      server("a:1", { journal: "PostgreSQL refused the connection" }),
      server("b:1", { journal: "a commit has been under way for 3 s", bus: "no Redis" }),
    ],
    unreachable: [{ address: "c:1", reason: "timed out" }],
  });
  expect(troubles).toEqual([
    { what: "no response", reason: "timed out", servers: ["c:1"] },
    { what: "journal", reason: "PostgreSQL refused the connection", servers: ["a:1", "b:1"] },
    { what: "bus", reason: "no Redis", servers: ["b:1"] },
  ]);
});
