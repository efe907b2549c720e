import { createServer } from "node:https";
import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import type { ServerOptions } from "../config/server-options.ts";
import { Certificate } from "../http/certificate.ts";
import type { HttpListener } from "../http/http-listener.ts";
import { OwnListener, type Tls } from "../http/own-listener.ts";
import { type CustomCluster, isMember } from "./open-cluster.ts";

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

/**
 * TLS as configured; `undefined` if it is not.
 *
 * @throws ConfigError if the certificate or its key is unusable
 */
async function openTls(config: Config, logger: Logger): Promise<Tls | undefined> {
  const { TLS_CERT_FILE: cert, TLS_KEY_FILE: key } = config;
  if (cert === undefined || key === undefined) return undefined;
  const certificate = await Certificate.read({ cert, key }, logger);
  return {
    createServer(options) {
      const server = createServer({ ...options, ...certificate.first });
      certificate.renew(server);
      return server;
    },
    close: () => certificate.close(),
  };
}
