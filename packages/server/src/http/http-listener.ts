import type { IncomingMessage, RequestListener } from "node:http";
import type { Duplex } from "node:stream";

/** Accepts requests. Until `serve` is called, they are answered with 503. */
export interface HttpListener {
  /** As `SymphonyServer.url`. */
  readonly url: string;

  /** The address it listens on; `null` if not known. */
  readonly listening: Listening | null;

  /** Passes requests to these handlers from now on. Their URLs are relative to the listener's path. */
  serve(handlers: RequestHandlers): void;

  /** Stops accepting requests. */
  close(): void;
}

/** The address of a listening socket. */
export interface Listening {
  readonly host: string;
  readonly port: number;
}

/** Handles incoming requests and upgrades. */
export interface RequestHandlers {
  readonly request: RequestListener;
  readonly upgrade: UpgradeListener;
}

export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Responds with 503 while the server is starting. */
export const NOT_YET: RequestHandlers = {
  request: (_request, response) => {
    response.writeHead(503, { "retry-after": "1" }).end();
  },
  upgrade: (_request, socket) => refuseUpgrade(socket, "503 Service Unavailable"),
};

/** Responds to an upgrade with a bare status and closes the connection. */
export function refuseUpgrade(socket: Duplex, status: string): void {
  socket.on("error", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
}

/** Formats a host for a URL: IPv6 addresses get brackets. */
export function hostOfUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
