import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { type WebSocket, WebSocketServer } from "ws";
import {
  type Access,
  type AccessControl,
  AccessDeniedError,
  type Attempt,
} from "../auth/access.ts";
import type { AllowedOrigins } from "../auth/allowed-origins.ts";
import { clientAddress } from "../auth/client-address.ts";
import type { ConnectionLimits } from "../auth/connection-limits.ts";
import { selectProtocol, tokenOfRequest } from "../auth/token-of-request.ts";
import type { ObservedSession, ServerObserver } from "../hooks/server-observer.ts";
import { roomOfUrl } from "../protocol/room-name.ts";
import { EventLoopLoad } from "../room/fanout/event-loop-load.ts";
import type { RoomTable } from "../room/room-table.ts";
import { isDiff, updateOf } from "../room/updates/split-frames.ts";
import { ClientSocket } from "./client-socket.ts";
import { CloseCode } from "./close-code.ts";
import { Connection, type ConnectionEvents } from "./connection.ts";
import type { ConnectionServices } from "./connection-services.ts";
import { ConnectionStats } from "./connection-stats.ts";
import { FairTurns } from "./fair-turns.ts";
import { LargeAnswers } from "./large-answers.ts";
import { LargeUpdates } from "./large-updates.ts";
import { LoopBudgets, type LoopLimits } from "./loop-budget.ts";
import { MemoryGuard } from "./memory-guard.ts";
import { Rechecks } from "./rechecks.ts";
import { Refusals, type RefusedClient, TOO_MANY_REQUESTS } from "./refusals.ts";
import { SharedParts } from "./shared-parts.ts";
import { StaggeredSweep } from "./staggered-sweep.ts";
import { UnfinishedMessages } from "./unfinished-messages.ts";

export interface GatewayOptions {
  readonly rooms: RoomTable;
  readonly access: AccessControl;
  /** Whether to pass request headers to `access`. They are kept in memory as long as the connection. */
  readonly accessSeesHeaders: boolean;
  readonly origins: AllowedOrigins;
  readonly limits: ConnectionLimits;
  /** The number of trusted proxies in front of this server. */
  readonly proxies: number;
  /** The number of connections to a room on this server. */
  readonly connectionsOf: (room: string) => number;
  readonly observer: Pick<ServerObserver, "sessionOpened" | "sessionClosed">;
  readonly logger: Logger;
  readonly maxMessageBytes: number;
  readonly maxMessagesPerSecond: number;
  readonly loopLimits: LoopLimits;
  readonly maxConnectionsPerRoom: number;
  /**
   * The memory limit of the process and the limit for unfinished messages, both in bytes, and the share
   * of the former above which the memory guard acts.
   */
  readonly memory: { readonly limit: number; readonly share: number; readonly unfinished: number };
}

/** What is known about an upgrade before its handshake. */
interface Upgrade {
  readonly address: string;
  readonly admission: Exclude<ReturnType<ConnectionLimits["admit"]>, "attempts-per-address">;
  /** Handles socket errors until the handshake is complete. */
  readonly drop: (error: Error) => void;
}

/** Upgrades per turn of the event loop. Each takes about a millisecond, including what follows it. */
const UPGRADES_PER_TURN = 4;
/** Parts of documents sent per turn. One of 128 KB takes one to two milliseconds. */
const PARTS_PER_TURN = 8;
/** How often each connection is visited, one slice of them at a time. */
const ROUND_MS = 5_000;
const SHARES = 20;
/** Ping each connection once in this many rounds. */
const PING_ROUNDS = 6;
/**
 * The minimum average size of a message's chunks and fragments. A message may have `LEAST_PIECES` of
 * each in any case.
 */
const PIECE_BYTES = 512;
const FRAGMENT_BYTES = 4096;
const LEAST_PIECES = 4096;
const NO_HEADERS: Readonly<IncomingHttpHeaders> = Object.freeze({});

/** Turns upgrade requests into connections, and keeps them alive. */
export class Gateway {
  readonly connections: Set<Connection> = new Set();
  readonly stats: ConnectionStats = new ConnectionStats();
  readonly guard: MemoryGuard;
  readonly unfinished: UnfinishedMessages;
  /** Connections that were admitted and count as connections to their rooms. */
  readonly #sessions: Map<Connection, ObservedSession> = new Map();
  readonly refusals: Refusals = new Refusals();
  readonly #options: GatewayOptions;
  readonly #webSockets: WebSocketServer;
  readonly #sweep: StaggeredSweep<Connection>;
  readonly #rechecks: Rechecks;
  readonly #upgradeTurns: FairTurns = new FairTurns(UPGRADES_PER_TURN);
  readonly #services: ConnectionServices & ConnectionEvents;
  readonly #timer: NodeJS.Timeout;
  #accepting = true;
  #idle: (() => void) | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { memory, logger } = options;
    this.guard = new MemoryGuard({
      ...memory,
      connections: this.connections,
      logger,
      unload: () => options.rooms.unloadIdle(),
    });
    this.unfinished = new UnfinishedMessages(memory.unfinished, logger, () => this.guard.look());
    this.#sweep = new StaggeredSweep(this.connections, SHARES, (connection, round) => {
      connection.keepAlive();
      if (round % PING_ROUNDS === 0) connection.ping();
    });
    this.#rechecks = new Rechecks(options.access, this.connections);
    this.#services = {
      rooms: options.rooms,
      access: options.access,
      stats: this.stats,
      parts: new SharedParts(
        (room, frame, known, forFast) =>
          options.rooms.workers.run(
            room,
            "splitFrames",
            updateOf(frame),
            known,
            isDiff(frame),
            forFast,
          ),
        logger,
      ),
      partTurns: new FairTurns(PARTS_PER_TURN),
      maxMessagesPerSecond: options.maxMessagesPerSecond,
      loopBudgets: new LoopBudgets(options.loopLimits, new EventLoopLoad(), this.stats.loop),
      logger,
      unfinished: this.unfinished,
      guard: this.guard,
      largeAnswers: new LargeAnswers(this.guard),
      largeUpdates: new LargeUpdates(),
      maxConnectionsPerRoom: options.maxConnectionsPerRoom,
      sweeps: this.#sweep,
      refusals: this.refusals,
      connectionsOf: options.connectionsOf,
      onOpened: (connection, access) => this.#opened(connection, access),
      onClosed: (connection) => this.#closed(connection),
    };
    this.#webSockets = new WebSocketServer({
      noServer: true,
      WebSocket: ClientSocket,
      clientTracking: false,
      // Updates are compact already, and compression would cost some 300 KB per client.
      perMessageDeflate: false,
      // Honest clients send fewer pieces; more are sent only to use up memory.
      maxFragments: Math.max(LEAST_PIECES, options.maxMessageBytes / FRAGMENT_BYTES),
      maxBufferedChunks: Math.max(LEAST_PIECES, options.maxMessageBytes / PIECE_BYTES),
      maxPayload: options.maxMessageBytes,
      handleProtocols: selectProtocol,
    });
    this.#timer = setInterval(() => this.#sweep.next(), ROUND_MS / SHARES);
  }

  /** Refuses new connections from now on. */
  refuse(): void {
    this.#accepting = false;
  }

  /**
   * Checks the access of all connections to a room again, and closes those no longer allowed; see
   * `Rechecks`. Does not reject.
   */
  recheck(room: string): Promise<void> {
    return this.#rechecks.recheck(room);
  }

  /** Handles no more messages from clients. */
  stopReading(): void {
    for (const connection of this.connections) connection.stopReading();
  }

  /** Closes all connections, and terminates those still open when `signal` aborts. */
  async close(signal: AbortSignal): Promise<void> {
    this.refuse();
    clearInterval(this.#timer);
    this.guard.close();
    this.refusals.end(signal);
    this.#rechecks.close();
    for (const connection of this.connections) {
      connection.closeWith(CloseCode.restarting, CloseCode.text(CloseCode.restarting));
    }
    if (this.connections.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
      signal.addEventListener("abort", () => {
        for (const connection of this.connections) connection.terminate();
        resolve();
      });
    });
  }

  /** Turns an upgrade request into a connection. The path of its URL names the room. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const drop = (error: Error) => {
      this.#options.logger.debug({ err: error }, "connection lost during the upgrade");
      socket.destroy();
    };
    socket.on("error", drop);
    if (this.#refuses(socket)) return;
    const address = clientAddress(request, this.#options.proxies);
    const admission = this.#options.limits.admit(address);
    if (admission === "attempts-per-address") {
      // A client that tries this often does not get a handshake.
      this.stats.close(CloseCode.tooMany);
      this.refusals.reject(address, socket);
      return;
    }
    if (typeof admission !== "string") socket.once("close", () => admission.release());
    this.#upgradeTurns.run(address, () => {
      if (this.#refuses(socket)) return;
      this.#shakeHands(request, socket, head, { address, admission, drop });
    });
  }

  /** @returns whether the server refuses connections */
  #refuses(socket: Duplex): boolean {
    if (this.#accepting) return false;
    this.stats.close(CloseCode.restarting);
    socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n");
    return true;
  }

  #shakeHands(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    { address, admission, drop }: Upgrade,
  ): void {
    if (this.refusals.isCrowded(clientOf(request, address))) {
      this.stats.close(CloseCode.tooMany);
      socket.end(TOO_MANY_REQUESTS);
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (opened: WebSocket) => {
      socket.off("error", drop);
      const webSocket = opened as ClientSocket;
      if (admission === "connections") {
        this.#turnAway(request, address, webSocket, CloseCode.tryAgainLater, "the server is full");
      } else if (this.guard.isFull) {
        const reason = "the server is short of memory";
        this.#turnAway(request, address, webSocket, CloseCode.tryAgainLater, reason);
      } else if (admission === "connections-per-address") {
        const reason = "too many connections from this address";
        this.#turnAway(request, address, webSocket, CloseCode.tooMany, reason);
      } else {
        webSocket.admission = admission;
        this.#accept(request, address, webSocket, socket);
      }
    });
  }

  /** @throws RoomNameError, AccessDeniedError */
  #attemptOf(request: IncomingMessage, address: string): Attempt {
    const { accessSeesHeaders } = this.#options;
    const headers = accessSeesHeaders ? request.headers : NO_HEADERS;
    const { origin } = request.headers;
    const room = roomOfUrl(request.url ?? "/");
    if (!this.#options.origins.allows(origin)) {
      throw new AccessDeniedError("forbidden", "pages from this origin may not connect");
    }
    return { room, token: tokenOfRequest(request), address, origin, headers };
  }

  /** Refuses a client after the handshake: browsers see a reason only if the WebSocket has opened. */
  #turnAway(
    request: IncomingMessage,
    address: string,
    webSocket: ClientSocket,
    code: CloseCode,
    reason: string,
  ): void {
    this.stats.close(code);
    webSocket.on("error", () => webSocket.terminate());
    this.refusals.close(clientOf(request, address), webSocket, request.socket, code, reason);
  }

  #accept(
    request: IncomingMessage,
    address: string,
    webSocket: ClientSocket,
    socket: Duplex,
  ): void {
    let attempt: Attempt;
    try {
      attempt = this.#attemptOf(request, address);
    } catch (error) {
      const code = CloseCode.of(error);
      this.#turnAway(request, address, webSocket, code, CloseCode.text(code, error));
      return;
    }
    this.connections.add(new Connection(randomUUID(), attempt, webSocket, socket, this.#services));
    this.stats.opened++;
  }

  #opened(connection: Connection, { subject, level }: Access): void {
    const { id, room, address } = connection;
    const session = { connection: id, room, subject, level, address };
    this.#sessions.set(connection, session);
    this.#options.observer.sessionOpened(session);
    this.#options.logger.debug({ connection: id, room }, "connected");
  }

  #closed(connection: Connection): void {
    if (!this.connections.delete(connection)) return;
    const session = this.#sessions.get(connection);
    if (session !== undefined) {
      this.#sessions.delete(connection);
      this.#options.observer.sessionClosed(session, connection.closeCode);
      const { id, room } = connection;
      this.#options.logger.debug({ connection: id, room }, "disconnected");
    }
    if (this.connections.size === 0) this.#idle?.();
  }
}

function clientOf(request: IncomingMessage, address: string): RefusedClient {
  const { url = "", headers } = request;
  return { address, room: url.split("?", 1)[0] ?? "", token: tokenOfRequest(request), headers };
}
