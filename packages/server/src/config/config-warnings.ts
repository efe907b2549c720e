import type { CustomPart } from "./check-config.ts";
import type { Config } from "./config.ts";

/**
 * One line for each setting that is set but has no effect because another one is missing. This may be
 * intended, so it is not an error.
 *
 * @param custom the parts that the application passes itself
 */
export function configWarnings(config: Config, custom: ReadonlySet<CustomPart>): string[] {
  const warnings: string[] = [];
  const idle = (name: keyof Config, needs: string, why: string) => {
    warnings.push(`${name} has no effect without ${needs}: ${why}`);
  };
  if (config.REDIS_URL === undefined && !custom.has("bus")) {
    const why = "this server runs alone and shares no documents";
    if (config.CLUSTER_SECRET !== undefined) idle("CLUSTER_SECRET", "REDIS_URL", why);
    else if (config.SERVER_ADDRESS !== undefined) idle("SERVER_ADDRESS", "REDIS_URL", why);
  }
  if (config.CALLBACK_URL === undefined) {
    const why = "no change notifications are sent";
    if (config.CALLBACK_OBJECTS.length > 0) idle("CALLBACK_OBJECTS", "CALLBACK_URL", why);
    if (config.CALLBACK_SECRET !== undefined && config.EVENTS_URL === undefined) {
      idle("CALLBACK_SECRET", "CALLBACK_URL or EVENTS_URL", why);
    }
  }
  if (config.CALLBACK_DEBOUNCE_WAIT > config.CALLBACK_DEBOUNCE_MAXWAIT) {
    warnings.push(
      `CALLBACK_DEBOUNCE_WAIT=${config.CALLBACK_DEBOUNCE_WAIT} is longer than ` +
        `CALLBACK_DEBOUNCE_MAXWAIT=${config.CALLBACK_DEBOUNCE_MAXWAIT}, so the latter applies`,
    );
  }
  return warnings;
}
