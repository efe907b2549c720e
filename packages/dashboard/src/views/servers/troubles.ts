import type { ServerStatus, Servers } from "../../../../server/src/http/api/schemas.ts";

/** A problem that an operator should know about. */
export interface Trouble {
  readonly what: string;
  /** As reported by the first of the servers. */
  readonly reason: string;
  /** Addresses of the affected servers. */
  readonly servers: readonly string[];
}

/** All problems, grouped by part: a service that all servers share fails on all of them. */
export function troublesOf({ servers, unreachable }: Servers): Trouble[] {
  const troubles: Trouble[] = unreachable.map(({ address, reason }) => ({
    what: "no response",
    reason,
    servers: [address],
  }));
  const found = servers.flatMap(troublesOfServer);
  for (const what of new Set(found.map((trouble) => trouble.what))) {
    const same = found.filter((trouble) => trouble.what === what);
    const [{ reason } = { reason: "" }] = same;
    troubles.push({ what, reason, servers: same.flatMap((trouble) => trouble.servers) });
  }
  return troubles;
}

/** The problems of one server. */
export function troublesOfServer({ address, failing, lease, draining }: ServerStatus): Trouble[] {
  const servers = [address];
  const troubles = Object.entries(failing).map(([what, reason]) => ({ what, reason, servers }));
  if (lease === "lapsed") {
    troubles.push({
      what: "lease",
      reason: "expired: other servers consider this one dead",
      servers,
    });
  }
  if (draining) troubles.push({ what: "draining", reason: "shutting down", servers });
  return troubles;
}
