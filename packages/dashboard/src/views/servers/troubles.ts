import type { ServerStatus, Servers } from "../../../../server/src/http/api/schemas.ts";

/** Something that an operator should know of. */
export interface Trouble {
  readonly server: string;
  readonly what: string;
  readonly reason: string;
}

/** Everything that does not work, on all servers. */
export function troublesOf({ servers, unreachable }: Servers): Trouble[] {
  return [
    ...unreachable.map(({ address, reason }) => ({
      server: address,
      what: "does not answer",
      reason,
    })),
    ...servers.flatMap(troublesOfServer),
  ];
}

/** What does not work on one server. */
export function troublesOfServer({ address, failing, lease, draining }: ServerStatus): Trouble[] {
  const troubles = Object.entries(failing).map(([what, reason]) => ({
    server: address,
    what,
    reason,
  }));
  if (lease === "lapsed") {
    troubles.push({
      server: address,
      what: "lease",
      reason: "has lapsed: others take it for dead",
    });
  }
  if (draining) {
    troubles.push({ server: address, what: "draining", reason: "is shutting down" });
  }
  return troubles;
}
