import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import { Server as TlsServer } from "node:tls";
import { CALLS_PATH } from "../fleet/server-call-messages.ts";
import { START_PATH } from "../fleet/start-notice.ts";
import { PEER_PATH } from "../replication/peers.ts";
import {
  type HttpListener,
  hostOfUrl,
  type Listening,
  NOT_YET,
  type RequestHandlers,
  refuseUpgrade,
} from "./http-listener.ts";
import { leaveUnread } from "./slow-bodies.ts";

/** A path of the application's own HTTP server. */
export interface AttachTo {
  /**
   * Symphony handles everything under `path` before this server's listeners see it. All other requests
   * and upgrades reach them as before. The server need not be listening yet; in a cluster,
   * `SERVER_ADDRESS` is then required. Symphony never closes it.
   */
  readonly server: Server | HttpsServer;

  /**
   * For example `/collab`: rooms are at `ws://host/collab/<room>`, the rest is at `/collab/health/ready`,
   * `/collab/api/…`, `/collab/dashboard/`. In a cluster, Symphony also handles the paths under `/cluster/`
   * at which the other servers call this one.
   */
  readonly path: string;
}

/** Where other servers call this one, regardless of the path it is attached at. */
const CLUSTER_ROOT = "/cluster/";
const CLUSTER_PATHS = [PEER_PATH, CALLS_PATH, START_PATH];

/**
 * Node treats upgrades as plain requests unless the server has an upgrade listener. This one is a
 * placeholder for that; no upgrade ever reaches it.
 */
const HERE = () => {};

/**
 * A listener on a path of the application's HTTP server.
 *
 * It replaces the server's `emit` instead of adding a listener: other listeners, whether added before or
 * after, must not respond to requests for this path, and some refuse every upgrade that they do not know.
 */
export class AttachedListener implements HttpListener {
  readonly #server: Server;
  readonly #path: string;
  readonly #isMember: boolean;
  readonly #isTls: boolean;
  readonly #leave: () => void;
  #handlers: RequestHandlers | null = NOT_YET;

  /** @param isMember whether other servers call this one */
  constructor({ server, path }: AttachTo, isMember: boolean) {
    this.#server = server as Server;
    this.#path = path;
    this.#isMember = isMember;
    this.#isTls = server instanceof TlsServer;
    const leaving = [this.#takeEvents(), this.#takeUpgrades()];
    this.#leave = () => {
      for (const leave of leaving) leave();
    };
  }

  get url(): string {
    const { listening } = this;
    if (listening === null) return this.#path;
    const { host, port } = listening;
    const shown = host === "::" || host === "0.0.0.0" ? "localhost" : hostOfUrl(host);
    return `${this.#isTls ? "https" : "http"}://${shown}:${port}${this.#path}`;
  }

  get listening(): Listening | null {
    const address = this.#server.address();
    if (address === null || typeof address === "string") return null;
    return { host: address.address, port: address.port };
  }

  serve(handlers: RequestHandlers): void {
    this.#handlers = handlers;
  }

  close(): void {
    this.#handlers = null;
    this.#leave();
  }

  /** @returns a function that undoes it */
  #takeEvents(): () => void {
    const server = this.#server;
    const isOwn = Object.hasOwn(server, "emit");
    const { emit } = server;
    const take = (event: string, ...args: readonly unknown[]): boolean =>
      this.#take(event, args) || Reflect.apply(emit, server, [event, ...args]);
    server.emit = take as typeof emit;
    return () => {
      // Something else may have wrapped `emit` since, and keeps calling this one.
      if (server.emit !== (take as typeof emit)) return;
      if (isOwn) server.emit = emit;
      else Reflect.deleteProperty(server, "emit");
    };
  }

  /** @returns a function that undoes it */
  #takeUpgrades(): () => void {
    // Since Node 24.9, a server callback decides for each request whether to upgrade.
    const server: Server & { shouldUpgradeCallback?: (request: IncomingMessage) => boolean } =
      this.#server;
    const decide = server.shouldUpgradeCallback;
    const isUpgrade = (request: IncomingMessage): boolean =>
      this.#target(request, true) !== null ||
      (this.#othersUpgrade() && decide !== undefined && Reflect.apply(decide, server, [request]));
    server.on("upgrade", HERE);
    if (decide !== undefined) server.shouldUpgradeCallback = isUpgrade;
    return () => {
      server.off("upgrade", HERE);
      if (decide !== undefined && server.shouldUpgradeCallback === isUpgrade) {
        server.shouldUpgradeCallback = decide;
      }
    };
  }

  /** @returns whether the event was handled here and must not reach other listeners */
  #take(event: string, args: readonly unknown[]): boolean {
    if (this.#handlers === null) return false;
    switch (event) {
      case "request":
      case "checkContinue": {
        const [request, response] = args as [IncomingMessage, ServerResponse];
        const target = this.#target(request, false);
        if (target === null) return false;
        if (event === "checkContinue") response.writeContinue();
        request.url = target;
        leaveUnread(request, response);
        this.#handlers.request(request, response);
        return true;
      }
      case "upgrade": {
        const [request, socket, head] = args as [IncomingMessage, Duplex, Buffer];
        const target = this.#target(request, true);
        if (target !== null) {
          request.url = target;
          this.#handlers.upgrade(request, socket, head);
        } else if (this.#othersUpgrade()) {
          return false;
        } else {
          refuseUpgrade(socket, "404 Not Found");
        }
        return true;
      }
      default:
        return false;
    }
  }

  /** The URL of a request, rewritten as if this path were the root; `null` if it is not for this path. */
  #target({ url = "" }: IncomingMessage, isUpgrade: boolean): string | null {
    if (this.#handlers === null) return null;
    if (url.startsWith(this.#path)) {
      const rest = url.slice(this.#path.length);
      // Proxies block the internal paths at the root, but do not know them under this path.
      if (rest.startsWith(CLUSTER_ROOT) && !isUpgrade) return null;
      if (rest.startsWith("/")) return rest;
      if (rest === "" || rest.startsWith("?")) return `/${rest}`;
    }
    const isCall = CLUSTER_PATHS.some((path) => url.startsWith(path));
    return this.#isMember && !isUpgrade && isCall ? url : null;
  }

  /** Whether any listener other than Symphony's handles upgrades. */
  #othersUpgrade(): boolean {
    return this.#server.listeners("upgrade").some((listener) => listener !== HERE);
  }
}
