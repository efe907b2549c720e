import { request as httpRequest } from "node:http";
import { setPriority } from "node:os";
import { pathToFileURL } from "node:url";
import {
  type Attack,
  type AttackTarget,
  DEFAULT_SECONDS,
  MOST_SECONDS,
  PREPARE_SECONDS,
  type RequestParts,
} from "./attack.ts";
import { answerParent } from "./child.ts";
import { RawSocket, type RawSocketOptions } from "./raw-socket.ts";

// Runs one attack: node attacker-process.ts <file of the attack> <URL of the server> <connections>

/** The attacker's work must not take CPU time from the server and the canary. */
setPriority(19);

/** How many connections to open at a time. */
const AT_ONCE = 20;

class Target implements AttackTarget {
  readonly url: string;
  readonly port: number;
  readonly connections: number;
  readonly address = "127.0.0.66";
  readonly #sockets: RawSocket[] = [];
  readonly #prefix = `attack-${process.pid}-`;
  #until = Number.POSITIVE_INFINITY;

  constructor(url: string, connections: number) {
    this.url = url;
    this.port = Number(new URL(url).port);
    this.connections = connections;
  }

  get over(): boolean {
    return performance.now() > this.#until;
  }

  endsAfter(seconds: number): void {
    this.#until = performance.now() + seconds * 1_000;
  }

  room(name = "room"): string {
    return this.#prefix + name;
  }

  async tcp(): Promise<RawSocket> {
    const socket = await RawSocket.open(this.port, this.address);
    this.#sockets.push(socket);
    return socket;
  }

  async connect(room = this.room(), options: RawSocketOptions = {}): Promise<RawSocket> {
    const socket = await this.tcp();
    await socket.upgrade(`/${room}${options.query ?? ""}`, options.headers);
    return socket;
  }

  async connectAll(room: string | ((index: number) => string) = this.room()): Promise<RawSocket[]> {
    const nameOf = typeof room === "string" ? () => room : room;
    const sockets: RawSocket[] = [];
    for (let from = 0; from < this.connections; from += AT_ONCE) {
      const count = Math.min(AT_ONCE, this.connections - from);
      const batch = Array.from({ length: count }, (_, i) => this.connect(nameOf(from + i)));
      for (const result of await Promise.allSettled(batch)) {
        if (result.status === "fulfilled") sockets.push(result.value);
      }
    }
    return sockets;
  }

  request(path: string, { method = "GET", headers = {}, body }: RequestParts = {}) {
    return new Promise<number>((resolve) => {
      const { port, address: localAddress } = this;
      const options = { host: "127.0.0.1", port, localAddress, path, method, headers };
      const request = httpRequest({ ...options, agent: false }, (response) => {
        response.resume();
        response.on("close", () => resolve(response.statusCode ?? 0));
        response.on("error", () => resolve(0));
      });
      request.on("error", () => resolve(0));
      request.end(body);
    });
  }

  async pause(milliseconds: number): Promise<void> {
    const left = Math.min(milliseconds, this.#until - performance.now());
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

const [file = "", url = "", connections = "1"] = process.argv.slice(2);
const target = new Target(url, Number(connections));
const { attack } = (await import(pathToFileURL(file).href)) as { attack: Attack };

answerParent({
  prepare: async () => {
    await within(PREPARE_SECONDS, attack.prepare?.(target));
  },
  run: async () => {
    const seconds = attack.seconds ?? DEFAULT_SECONDS;
    if (seconds > MOST_SECONDS)
      throw new Error(`an attack may take at most ${MOST_SECONDS} seconds`);
    target.endsAfter(seconds);
    await within(seconds + 10, attack.run(target));
  },
  close: async () => target.close(),
});

async function within(seconds: number, work: Promise<void> | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`the attack took more than ${seconds} seconds`);
    timer = setTimeout(() => reject(error), seconds * 1_000);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
