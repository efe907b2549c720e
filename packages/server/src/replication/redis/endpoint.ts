/** A Redis server, and what it wants to know of its clients. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

const DEFAULT_PORT = 6379;

/**
 * Reads `redis://` and, for TLS, `rediss://` with an optional user, password and port. A database is
 * ignored: channels belong to none.
 *
 * @throws Error that does not show the URL, because it may hold a password
 */
export function parseEndpoint(url: string): Endpoint {
  const parsed = URL.parse(url);
  if (parsed === null) throw new Error("a URL of Redis is not a URL");
  const { protocol, hostname, port, username, password } = parsed;
  if (protocol !== "redis:" && protocol !== "rediss:") {
    throw new Error(`a URL of Redis begins with redis: or rediss:, not with ${protocol}`);
  }
  if (hostname === "") throw new Error("a URL of Redis names no host");
  return {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? DEFAULT_PORT : Number(port),
    tls: protocol === "rediss:",
    username: decoded(username),
    password: decoded(password),
  };
}

/** `host:port`, for people to read and to tell servers apart. */
export function addressOf({ host, port }: Pick<Endpoint, "host" | "port">): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** What went wrong with a server, without its password: old servers repeat commands in errors. */
export function explain(error: unknown, { password }: Endpoint): string {
  const message = messageOf(error);
  return password === undefined ? message : message.replaceAll(password, "***");
}

function messageOf(error: unknown): string {
  // A host with several addresses that all fail: each has its own reason, the whole has none.
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(", ");
  return error instanceof Error ? error.message : String(error);
}

function decoded(part: string): string | undefined {
  if (part === "") return undefined;
  try {
    return decodeURIComponent(part);
  } catch {
    // The reason would show the password.
    throw new Error("the user or password in a URL of Redis is not percent-encoded");
  }
}
