import { ConfigError } from "../runtime/config-error.ts";
import { nearestName, suggestion } from "../runtime/nearest-name.ts";
import { type Config, parseSetting, SETTING_NAMES } from "./config.ts";
import type { Settings } from "./server-options.ts";

/** Where a task of ECS finds its address; ECS sets it. */
export const ECS_METADATA = "ECS_CONTAINER_METADATA_URI_V4";

/** Names near to a setting that other programs are known to read. */
const OF_OTHERS: ReadonlySet<string> = new Set(["SSL_CERT_FILE"]);

/** Shorter names are too near to those of other programs. */
const SHORTEST_TYPO = 6;

/**
 * The settings that an application gives, as they would be in the environment.
 *
 * A name that is no setting is refused, unless it has come with the rest of the environment, as with
 * `settings: process.env`.
 *
 * @throws ConfigError naming the setting, and what it must be
 */
export function textsOfSettings(settings: Settings): Record<string, string | undefined> {
  if (!isRecord(settings)) {
    throw new ConfigError("settings must be an object of settings by their names");
  }
  const texts: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) continue;
    if (isSettingName(name)) {
      texts[name] = textOf(name, value);
    } else if (name === ECS_METADATA) {
      texts[name] = String(value);
    } else if (process.env[name] !== value) {
      throw new ConfigError(
        `settings: there is no setting ${JSON.stringify(name)}${suggestion(name, SETTING_NAMES)}`,
      );
    }
  }
  return texts;
}

/**
 * One line for each variable of an environment whose name looks like a setting with a typing error.
 * The environment is shared with other programs, so this is no error.
 */
export function likelyTypos(environment: object): string[] {
  return Object.keys(environment).flatMap((name) => {
    if (isSettingName(name) || name.length < SHORTEST_TYPO || OF_OTHERS.has(name)) return [];
    const nearest = nearestName(name, SETTING_NAMES);
    if (nearest === undefined || nearest.length < SHORTEST_TYPO) return [];
    return [`${name} is no setting and is ignored; did you mean ${nearest}?`];
  });
}

function isSettingName(name: string): name is keyof Config {
  return SETTING_NAMES.some((known) => known === name);
}

/** A number or boolean is only right where its text would be read as just that. */
function textOf(name: keyof Config, value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value !== "number" && typeof value !== "boolean") {
    throw new ConfigError(`${name} must be a string, a number or a boolean, not ${kindOf(value)}`);
  }
  const text = String(value);
  const parsed = parseSetting(name, text);
  if (parsed !== value) throw new ConfigError(`${name} must be a string, not ${kindOf(value)}`);
  return text;
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** For messages, without the value: it may be a secret. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  return value === undefined ? "undefined" : `a ${typeof value}`;
}
