import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import type { ServerOptions } from "../config/server-options.ts";
import type { Entrance } from "../http/http-listener.ts";
import { OwnEntrance } from "../http/own-listener.ts";
import { type GivenCluster, isMember } from "./open-cluster.ts";
import { openTls } from "./open-tls.ts";

/**
 * Where requests come in: at a server of Symphony's own, or at the application's.
 *
 * @throws ConfigError when the certificate or its key cannot be used, or the error of the socket when
 *   it cannot listen
 */
export async function openEntrance(
  config: Config,
  given: Pick<ServerOptions, "attachTo"> & GivenCluster,
  logger: Logger,
): Promise<Entrance> {
  if (given.attachTo === undefined) {
    return OwnEntrance.open(config.HOST, config.PORT, await openTls(config, logger));
  }
  const { AttachedEntrance } = await import("../http/attached-listener.ts");
  return new AttachedEntrance(given.attachTo, isMember(config, given));
}
