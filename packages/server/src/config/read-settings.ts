import { ConfigError } from "../runtime/config-error.ts";
import { nearestName, suggestion } from "../runtime/nearest-name.ts";
import { type Config, parseSetting, SETTING_NAMES } from "./config.ts";
import type { Settings } from "./server-options.ts";

/** Set by ECS: the endpoint where a task finds its own address. */
export const ECS_METADATA = "ECS_CONTAINER_METADATA_URI_V4";

/** Variables of other programs whose names resemble a setting. */
const OF_OTHERS: ReadonlySet<string> = new Set(["SSL_CERT_FILE"]);

/** Shorter names resemble too many variables of other programs. */
const SHORTEST_TYPO = 6;

/**
 * Converts settings from an application to the strings they would be in the environment.
 *
 * An unknown name is rejected, unless the environment holds the same value under it, as with
 * `settings: process.env`.
 *
 * @throws ConfigError naming the setting, and what it must be
 */
export function textsOfSettings(settings: Settings): Record<string, string | undefined> {
  if (!isRecord(settings)) {
    throw new ConfigError("settings must be an object that maps setting names to values");
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
        `settings: unknown setting ${JSON.stringify(name)}${suggestion(name, SETTING_NAMES)}`,
      );
    }
  }
  return texts;
}

/**
 * One line for each environment variable whose name looks like a misspelt setting. The environment is
 * shared with other programs, so this is not an error.
 */
export function likelyTypos(environment: object): string[] {
  return Object.keys(environment).flatMap((name) => {
    if (isSettingName(name) || name.length < SHORTEST_TYPO || OF_OTHERS.has(name)) return [];
    const nearest = nearestName(name, SETTING_NAMES);
    if (nearest === undefined || nearest.length < SHORTEST_TYPO) return [];
    return [`${name} is not a setting and is ignored; did you mean ${nearest}?`];
  });
}

function isSettingName(name: string): name is keyof Config {
  return SETTING_NAMES.some((known) => known === name);
}

/** Accepts a number or boolean only if its text parses back to the same value. */
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

/** Describes a value's type for error messages. The value itself may be a secret. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  return value === undefined ? "undefined" : `a ${typeof value}`;
}
