import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import type { ServerOptions } from "../config/server-options.ts";
import type { HttpListener } from "../http/http-listener.ts";
import { OwnListener } from "../http/own-listener.ts";
import { type CustomCluster, isMember } from "./open-cluster.ts";
import { openTls } from "./open-tls.ts";

/**
 * Opens the listener: Symphony's own HTTP server, or the application's.
 *
 * @throws ConfigError if the certificate or its key is unusable, or the socket's error if it cannot
 *   listen
 */
export async function openListener(
  config: Config,
  custom: Pick<ServerOptions, "attachTo"> & CustomCluster,
  logger: Logger,
): Promise<HttpListener> {
  if (custom.attachTo === undefined) {
    return OwnListener.open(config.HOST, config.PORT, await openTls(config, logger));
  }
  const { AttachedListener } = await import("../http/attached-listener.ts");
  return new AttachedListener(custom.attachTo, isMember(config, custom));
}
