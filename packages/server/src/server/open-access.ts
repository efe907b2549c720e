import type { Logger } from "pino";
import type { AccessControl, Authorize } from "../auth/access.ts";
import type { Config } from "../config/config.ts";

/** Everyone may write to every room. */
const ANONYMOUS: AccessControl = {
  authorize: async () => ({ subject: null, level: "read-write", expiresAt: null }),
  forget() {},
  close() {},
};

/**
 * The access control: the application's own, or the one that the configuration selects. Without either,
 * every client is admitted.
 *
 * @throws ConfigError
 */
export async function openAccess(
  config: Config,
  custom: AccessControl | Authorize | undefined,
  logger: Logger,
): Promise<AccessControl> {
  if (custom !== undefined) {
    const { CustomAccess } = await import("../auth/custom-access.ts");
    return new CustomAccess(custom, logger);
  }
  const { AUTH_JWT_SECRET, AUTH_JWKS_URL, AUTH_WEBHOOK_URL } = config;
  // Each is loaded only if it is used, like the stores.
  if (AUTH_WEBHOOK_URL !== undefined) {
    const { WebhookAccess } = await import("../auth/webhook-access.ts");
    return new WebhookAccess(AUTH_WEBHOOK_URL);
  }
  if (AUTH_JWT_SECRET === undefined && AUTH_JWKS_URL === undefined) return ANONYMOUS;
  const { JwtAccess } = await import("../auth/jwt-access.ts");
  if (AUTH_JWT_SECRET !== undefined) {
    const { SharedSecrets } = await import("../auth/shared-secrets.ts");
    return new JwtAccess(new SharedSecrets(AUTH_JWT_SECRET));
  }
  const { RemoteKeys } = await import("../auth/remote-keys.ts");
  return new JwtAccess(new RemoteKeys(AUTH_JWKS_URL ?? ""));
}
