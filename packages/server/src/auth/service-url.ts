import { ConfigError } from "../runtime/config-error.ts";

/**
 * Parses the URL of an access control service.
 *
 * @param setting named in errors, which do not show the URL because it may contain a secret
 * @throws ConfigError
 */
export function serviceUrl(setting: string, text: string): URL {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw new ConfigError(`${setting}: must be a URL that begins with http:// or https://`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new ConfigError(`${setting}: must not contain a user name or password before the host`);
  }
  return url;
}
