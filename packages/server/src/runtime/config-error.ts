/** The configuration is invalid. The message is a single line for the operator. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
