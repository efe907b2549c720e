import { Server as TlsServer } from "node:tls";
import type { AttachTo } from "../http/attached-listener.ts";
import { ConfigError } from "../runtime/config-error.ts";

/** One or more segments of characters that no URL encodes, and that no URL takes away. */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~!$&'()*+,;=:@-]+)+\/?$/;

/**
 * @param isMember whether other servers call this one
 * @returns the same, without a slash at the end of the path
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
      `attachTo.path=${JSON.stringify(path)}: servers of a cluster use /cluster; take another path`,
    );
  }
  if (isMember && server instanceof TlsServer) {
    throw new ConfigError(
      "attachTo.server speaks TLS: servers of a cluster call each other over plain HTTP, " +
        "so give the TLS to the load balancer in front",
    );
  }
  return { server, path: path.replace(/\/$/, "") };
}
