import { Server as HttpServer } from "node:http";
import { Server as HttpsServer } from "node:https";
import { Server as TlsServer } from "node:tls";
import type { AttachTo } from "../http/attached-listener.ts";
import { ConfigError } from "../runtime/config-error.ts";
import { suggestion } from "../runtime/nearest-name.ts";
import { kindOf } from "./read-settings.ts";
import type { ServerOptions } from "./server-options.ts";

/** One or more segments of characters that URLs leave unencoded; no `.` or `..`, which URLs resolve. */
const ATTACH_PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~!$&'()*+,;=:@-]+)+\/?$/;

/**
 * Rejects unknown options and options with the wrong shape: an unknown option may be a misspelt `access`,
 * without which everyone would be admitted.
 *
 * @param options as passed; the caller may be untyped JavaScript
 * @throws ConfigError naming the option, and the closest known name
 */
export function checkOptions(options: unknown): asserts options is ServerOptions {
  if (!isObject(options)) {
    throw new ConfigError(`the options of createServer must be an object, not ${kindOf(options)}`);
  }
  checkNames("createServer", options, Object.keys(CHECKS));
  for (const [name, check] of Object.entries(CHECKS)) {
    const value = options[name];
    if (value !== undefined) check(name, value);
  }
}

type Check = (name: string, value: unknown) => void;

const CHECKS: { readonly [Name in keyof Required<ServerOptions>]: Check } = {
  // The names and values of settings are checked where they are read.
  settings: isAnObject,
  attachTo: (name, value) => {
    const { server, path } = isAnObject(name, value);
    checkNames(name, value, ["server", "path"]);
    if (!(server instanceof HttpServer || server instanceof HttpsServer)) {
      throw wrong(`${name}.server`, server, "a Node HTTP or HTTPS server");
    }
    if (typeof path !== "string") throw wrong(`${name}.path`, path, "a string");
  },
  access: (name, value) => {
    if (typeof value !== "function") hasMethods("authorize", "forget", "close")(name, value);
  },
  journal: hasMethods("append", "read", "truncate", "forget", "close"),
  snapshots: hasMethods("read", "write", "delete", "close"),
  metadata: hasMethods("record", "room", "rooms", "activity", "close"),
  bus: isFunction,
  registry: isFunction,
  hooks: (name, value) => {
    const hooks = isAnObject(name, value);
    checkNames(name, value, HOOKS);
    for (const hook of HOOKS) {
      if (hooks[hook] !== undefined) isFunction(`${name}.${hook}`, hooks[hook]);
    }
  },
  load: isFunction,
  logger: hasMethods("debug", "info", "warn", "error"),
};

const HOOKS: readonly (keyof NonNullable<ServerOptions["hooks"]>)[] = [
  "onConnect",
  "onLoad",
  "onChange",
  "onStore",
  "onDisconnect",
];

function isFunction(name: string, value: unknown): void {
  if (typeof value !== "function") throw wrong(name, value, "a function");
}

function isAnObject(name: string, value: unknown): Readonly<Record<string, unknown>> {
  if (isObject(value)) return value;
  throw wrong(name, value, "an object");
}

function hasMethods(...methods: readonly string[]): Check {
  return (name, value) => {
    const part = isAnObject(name, value);
    const missing = methods.filter((method) => typeof part[method] !== "function");
    if (missing.length === 0) return;
    throw new ConfigError(
      `${name} must have the methods ${methods.join(", ")}; missing: ${missing.join(", ")}`,
    );
  };
}

/** Checks own properties only; inherited ones belong to the object's class. */
function checkNames(of: string, value: unknown, known: readonly string[]): void {
  for (const name of Object.keys(value ?? {})) {
    if (known.includes(name)) continue;
    const meant = suggestion(name, known) || `; the options are ${known.join(", ")}`;
    throw new ConfigError(`${of}: unknown option ${JSON.stringify(name)}${meant}`);
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(name: string, value: unknown, right: string): ConfigError {
  return new ConfigError(`${name} must be ${right}, not ${kindOf(value)}`);
}

/**
 * Rejects a path or a server to which the server cannot be attached.
 *
 * @param isMember whether other servers call this one
 * @returns the same values, with a trailing slash removed from the path
 * @throws ConfigError
 */
export function checkAttachTo({ server, path }: AttachTo, isMember: boolean): AttachTo {
  if (!ATTACH_PATH.test(path)) {
    throw new ConfigError(
      `attachTo.path=${JSON.stringify(path)}: must be a path without encoded characters, such as "/collab"`,
    );
  }
  if (/^\/cluster(\/|$)/.test(path)) {
    throw new ConfigError(
      `attachTo.path=${JSON.stringify(path)}: /cluster is reserved for calls between servers; use another path`,
    );
  }
  if (isMember && server instanceof TlsServer) {
    throw new ConfigError(
      "attachTo.server uses TLS: servers in a cluster call each other over plain HTTP, " +
        "so terminate TLS at the load balancer",
    );
  }
  return { server, path: path.replace(/\/$/, "") };
}
