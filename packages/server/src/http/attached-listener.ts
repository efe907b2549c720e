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
   * Everything under `path` is taken before the listeners of this server see it; they see everything
   * else as before, requests and upgrades. It need not listen yet; a server of a cluster then needs
   * `SERVER_ADDRESS`. It is never closed by Symphony.
   */
  readonly server: Server | HttpsServer;

  /**
   * Such as `/collab`: rooms are at `ws://host/collab/<room>`, the rest is at `/collab/health/ready`,
   * `/collab/api/…`, `/collab/dashboard/`. In a cluster, the paths under `/cluster/` at which the other
   * servers call this one are taken as well.
   */
  readonly path: string;
}

/** Where other servers of a cluster call this one, wherever it is attached. */
const CLUSTER_ROOT = "/cluster/";
const CLUSTER_PATHS = [PEER_PATH, CALLS_PATH, START_PATH];

/**
 * Node treats upgrades as plain requests unless somebody listens for them. This listener says that
 * somebody does; upgrades never get to it.
 */
const HERE = () => {};

/**
 * A path of the application's HTTP server.
 *
 * It stands before the listeners of that server, and not among them: those that were there before, or
 * come later, must not answer what is for this path, and some refuse every upgrade that they do not
 * know.
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

  /** @returns undoes it */
  #takeEvents(): () => void {
    const server = this.#server;
    const isOwn = Object.hasOwn(server, "emit");
    const { emit } = server;
    const take = (event: string, ...args: readonly unknown[]): boolean =>
      this.#take(event, args) || Reflect.apply(emit, server, [event, ...args]);
    server.emit = take as typeof emit;
    return () => {
      // Somebody else may stand before it now, and goes on calling it.
      if (server.emit !== (take as typeof emit)) return;
      if (isOwn) server.emit = emit;
      else Reflect.deleteProperty(server, "emit");
    };
  }

  /** @returns undoes it */
  #takeUpgrades(): () => void {
    // From Node 24.9 on, servers decide for each upgrade whether it is one.
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

  /** @returns whether the event was for this path, and must not be told to others */
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

  /** The URL of a request for this path as if it were at the root; `null` when it is for others. */
  #target({ url = "" }: IncomingMessage, isUpgrade: boolean): string | null {
    if (this.#handlers === null) return null;
    if (url.startsWith(this.#path)) {
      const rest = url.slice(this.#path.length);
      // Proxies keep others from the root's internal paths, and do not know of these.
      if (rest.startsWith(CLUSTER_ROOT) && !isUpgrade) return null;
      if (rest.startsWith("/")) return rest;
      if (rest === "" || rest.startsWith("?")) return `/${rest}`;
    }
    const isCall = CLUSTER_PATHS.some((path) => url.startsWith(path));
    return this.#isMember && !isUpgrade && isCall ? url : null;
  }

  /** Whether anybody but Symphony listens for upgrades. */
  #othersUpgrade(): boolean {
    return this.#server.listeners("upgrade").some((listener) => listener !== HERE);
  }
}
