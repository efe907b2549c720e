import { Server as TlsServer } from "node:tls";
import type { AttachTo } from "../http/attached-listener.ts";
import { ConfigError } from "../runtime/config-error.ts";

/** One or more segments of characters that URLs leave unencoded; no `.` or `..`, which URLs resolve. */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~!$&'()*+,;=:@-]+)+\/?$/;

/**
 * @param isMember whether other servers call this one
 * @returns the same values, with a trailing slash removed from the path
 * @throws ConfigError
 */
export function checkAttachTo({ server, path }: AttachTo, isMember: boolean): AttachTo {
  if (!PATH.test(path)) {
    throw new ConfigError(
      `attachTo.path=${JSON.stringify(path)}: must be a path without encoded characters, such as "/collab"`,
    );
  }
  if (/^\/cluster(\/|$)/.test(path)) {
    throw new ConfigError(
      `attachTo.path=${JSON.stringify(path)}: /cluster is reserved for calls between servers; use another path`,
    );
  }
  if (isMember && server instanceof TlsServer) {
    throw new ConfigError(
      "attachTo.server uses TLS: servers in a cluster call each other over plain HTTP, " +
        "so terminate TLS at the load balancer",
    );
  }
  return { server, path: path.replace(/\/$/, "") };
}
