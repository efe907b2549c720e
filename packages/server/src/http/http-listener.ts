import type { IncomingMessage, RequestListener } from "node:http";
import type { Duplex } from "node:stream";

/** Where requests come in. Until somebody serves, they are answered with 503. */
export interface HttpListener {
  /** As `SymphonyServer.url`. */
  readonly url: string;

  /** Where it listens; `null` when that is not known. */
  readonly listening: Listening | null;

  /** From now on requests go there. Their URLs begin with what follows the path of the entrance. */
  serve(handlers: RequestHandlers): void;

  /** Takes no more requests. */
  close(): void;
}

/** Of a socket that listens. */
export interface Listening {
  readonly host: string;
  readonly port: number;
}

/** Who answers what comes in. */
export interface RequestHandlers {
  readonly request: RequestListener;
  readonly upgrade: UpgradeListener;
}

export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Answers while the parts of the server are being built. */
export const NOT_YET: RequestHandlers = {
  request: (_request, response) => {
    response.writeHead(503, { "retry-after": "1" }).end();
  },
  upgrade: (_request, socket) => refuseUpgrade(socket, "503 Service Unavailable"),
};

/** Answers an upgrade with a status and nothing else. */
export function refuseUpgrade(socket: Duplex, status: string): void {
  socket.on("error", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
}

/** As the host of a URL. */
export function hostOfUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
