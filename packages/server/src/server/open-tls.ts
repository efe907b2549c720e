import { createServer } from "node:https";
import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import { Certificate } from "../http/certificate.ts";
import type { Tls } from "../http/own-listener.ts";

/**
 * TLS as configured; `undefined` if it is not.
 *
 * @throws ConfigError if the certificate or its key is unusable
 */
export async function openTls(config: Config, logger: Logger): Promise<Tls | undefined> {
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
