import { reasonOf } from "../../runtime/reason.ts";
/** A Redis server, and how to authenticate to it. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

const DEFAULT_PORT = 6379;

/**
 * Parses a `redis://` or, for TLS, `rediss://` URL with optional user, password and port. A
 * database number is ignored: channels are not part of a database.
 *
 * @throws Error without the URL, which may contain a password
 */
export function parseEndpoint(url: string): Endpoint {
  const parsed = URL.parse(url);
  if (parsed === null) throw new Error("a Redis URL is invalid");
  const { protocol, hostname, port, username, password } = parsed;
  if (protocol !== "redis:" && protocol !== "rediss:") {
    throw new Error(`a Redis URL must begin with redis: or rediss:, not with ${protocol}`);
  }
  if (hostname === "") throw new Error("a Redis URL has no host");
  return {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? DEFAULT_PORT : Number(port),
    tls: protocol === "rediss:",
    username: decoded(username),
    password: decoded(password),
  };
}

/** Returns `host:port`, for people to read and to tell servers apart. */
export function addressOf({ host, port }: Pick<Endpoint, "host" | "port">): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Describes an error without the password: old servers repeat commands in errors. */
export function reasonWithoutPassword(error: unknown, { password }: Endpoint): string {
  const message = reasonOf(error);
  return password === undefined ? message : message.replaceAll(password, "***");
}

function decoded(part: string): string | undefined {
  if (part === "") return undefined;
  try {
    return decodeURIComponent(part);
  } catch {
    // The original error would contain the password.
    throw new Error("the user or password in a Redis URL is not percent-encoded");
  }
}
