import { memoryOfMachine } from "../runtime/memory-limit.ts";
import { MAX_STORABLE_DOCUMENT_BYTES } from "../storage/postgres/snapshot-limits.ts";
import { type CustomPart, checkConfig } from "./check-config.ts";
import { keepsSnapshotsInDatabase } from "./cluster-stores.ts";
import { type Config, parseSettings } from "./config.ts";

/** Upper bounds for the defaults of these settings, as shares of the memory. */
const SHARES_OF_MEMORY = { MAX_MESSAGE_BYTES: 1 / 32, MAX_DOCUMENT_BYTES: 1 / 16 } as const;

/**
 * Reads the configuration from environment variables. An empty variable counts as not set.
 *
 * @param custom the parts that the application passes itself
 * @throws ConfigError naming the variable, its value and what it must be
 */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
  custom: ReadonlySet<CustomPart> = new Set(),
): Config {
  const isSet = (name: keyof Config) => Boolean(environment[name]);
  const config = fitStores(fitMemory(parseSettings(environment), isSet), isSet, custom);
  checkConfig(config, custom);
  return config;
}

/** Determines the available memory and caps those defaults accordingly. */
function fitMemory(config: Config, isSet: (name: keyof Config) => boolean): Config {
  const memory = config.MAX_MEMORY_BYTES || memoryOfMachine();
  const defaultOf = (name: keyof typeof SHARES_OF_MEMORY) =>
    isSet(name)
      ? config[name]
      : Math.min(config[name], Math.floor(memory * SHARES_OF_MEMORY[name]));
  return {
    ...config,
    MAX_MEMORY_BYTES: memory,
    MAX_MESSAGE_BYTES: defaultOf("MAX_MESSAGE_BYTES"),
    MAX_DOCUMENT_BYTES: defaultOf("MAX_DOCUMENT_BYTES"),
  };
}

/** Caps the default size of documents at what the snapshot store accepts. */
function fitStores(
  config: Config,
  isSet: (name: keyof Config) => boolean,
  custom: ReadonlySet<CustomPart>,
): Config {
  if (isSet("MAX_DOCUMENT_BYTES") || !keepsSnapshotsInDatabase(config, custom)) return config;
  const MAX_DOCUMENT_BYTES = Math.min(config.MAX_DOCUMENT_BYTES, MAX_STORABLE_DOCUMENT_BYTES);
  return { ...config, MAX_DOCUMENT_BYTES };
}
