import { checkAttachTo, checkOptions, isObject } from "../config/check-options.ts";
import { configWarnings } from "../config/config-warnings.ts";
import { readConfig } from "../config/read-config.ts";
import { ECS_METADATA, likelyTypos, textsOfSettings } from "../config/read-settings.ts";
import type { ServerOptions, SymphonyServer } from "../config/server-options.ts";
import { createLogger } from "../runtime/logger.ts";
import { within } from "../runtime/time-limit.ts";
import { closeCustomAccess, closeCustomStores, customParts } from "./custom-parts.ts";
import { isMember } from "./open-cluster.ts";
import { startServer } from "./server.ts";

/** How long the application's own stores have to close if the server could not be started. */
const CLOSE_MS = 3_000;

/**
 * Starts a server in this process.
 *
 * @returns a promise that resolves when the server is serving
 * @throws ConfigError if an option is invalid, saying which and why
 * @throws StorageError, RegistryError if a store or the registry cannot be opened; anything that a
 *   custom part throws; or the socket's error if the server cannot listen. Everything is then released
 */
export async function createServer(options: ServerOptions = {}): Promise<SymphonyServer> {
  try {
    checkOptions(options);
    return await create(options);
  } catch (error) {
    if (!isObject(options)) throw error;
    closeCustomAccess(options);
    await within(CLOSE_MS, closeCustomStores(options));
    throw error;
  }
}

async function create(options: ServerOptions): Promise<SymphonyServer> {
  const { settings = {} } = options;
  const texts = textsOfSettings(settings);
  const parts = customParts(options);
  const config = readConfig(texts, parts);
  const attachTo = options.attachTo && checkAttachTo(options.attachTo, isMember(config, options));
  const logger = options.logger ?? createLogger(config.LOG_LEVEL);
  for (const line of [...likelyTypos(settings), ...configWarnings(config, parts)])
    logger.warn(line);
  const custom = { ...options, attachTo };
  const server = await startServer(config, logger, custom, texts[ECS_METADATA]);
  logger.info({ url: server.url }, attachTo === undefined ? "listening" : "attached");
  return server;
}
