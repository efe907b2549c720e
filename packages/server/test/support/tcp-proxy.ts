import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** How a proxy treats connections: as if it were not there, until the test says otherwise. */
type Mode = "open" | "cut" | "silent";

/** So often a slow network passes something on. */
const TRICKLE_MS = 50;
/** What a busy machine has missed is caught up, if it is no more than this. */
const CATCH_UP_MS = 1_000;

/** Stands between a client and a service on this machine, and does to their connections what networks do. */
export class TcpProxy {
  readonly #server: Server;
  readonly #target: { readonly port: number; readonly host: string };
  /** Counted up by `strand`: what was opened before is stuck. */
  #generation = 0;
  readonly #sockets: Set<Socket> = new Set();
  #mode: Mode = "open";
  #delay = 0;
  #bytesPerSecond = Number.POSITIVE_INFINITY;
  /** How many bytes have reached clients so far. */
  #bytesDown = 0;
  /** How many bytes more from the service until the connection breaks. */
  #breakAfter = Number.POSITIVE_INFINITY;

  private constructor(server: Server, target: { port: number; host: string }) {
    this.#server = server;
    this.#target = target;
    server.on("connection", (client) => this.#join(client));
  }

  /**
   * @param port where something may not listen yet
   * @param host an address of this machine
   */
  static async start(port: number, host = "127.0.0.1"): Promise<TcpProxy> {
    // Half open: who has sent everything may still be waiting for the answer.
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TcpProxy(server, { port, host });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends all connections, and new ones at once. */
  cut(): void {
    this.#mode = "cut";
    this.#endAll();
  }

  /** Accepts connections and keeps those that are open, but nothing gets through any more. */
  silence(): void {
    this.#mode = "silent";
  }

  /**
   * Nothing gets through any more on connections that are open, and neither end is told; new ones
   * work. So a network loses the connections of a machine that moves to another one.
   */
  strand(): void {
    this.#generation++;
  }

  /** Holds every byte back for a while, in both directions. */
  delay(ms: number): void {
    this.#delay = ms;
  }

  /**
   * Lets only so many bytes a second through, for each connection and direction. What does not get
   * through is not read either, so it waits at whoever sends it.
   */
  throttle(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** How many bytes have reached clients so far. */
  get bytesDown(): number {
    return this.#bytesDown;
  }

  /** Lets exactly so many more bytes come from the service, and then ends all connections. */
  breakAfter(bytes: number): void {
    this.#breakAfter = bytes;
  }

  /**
   * Everything gets through again. What was held up by `silence` or `strand` is lost with its
   * connections.
   */
  restore(): void {
    if (this.#mode === "silent" || this.#generation > 0) this.#endAll();
    this.#generation = 0;
    this.#mode = "open";
    this.#delay = 0;
    this.#bytesPerSecond = Number.POSITIVE_INFINITY;
    this.#breakAfter = Number.POSITIVE_INFINITY;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #endAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(client: Socket): void {
    if (this.#mode === "cut") {
      client.destroy();
      return;
    }
    const service = connect({ ...this.#target, allowHalfOpen: true });
    const generation = this.#generation;
    const isStuck = () => this.#mode === "silent" || generation < this.#generation;
    this.#forward(client, service, isStuck, (bytes) => this.#write(bytes, client, service));
    this.#forward(service, client, isStuck, (bytes) => this.#answer(bytes, service, client));
  }

  #forward(from: Socket, to: Socket, isStuck: () => boolean, write: (bytes: Buffer) => void): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    let before: Promise<void> = Promise.resolve();
    let freeAt = performance.now();
    const trickle = async (bytes: Buffer): Promise<void> => {
      const rate = this.#bytesPerSecond;
      const step = Math.max(1, Math.ceil((rate * TRICKLE_MS) / 1_000));
      for (let at = 0; at < bytes.length && !to.destroyed; at += step) {
        const slice = bytes.subarray(at, at + step);
        freeAt = Math.max(freeAt, performance.now() - CATCH_UP_MS);
        freeAt += (slice.length / rate) * 1_000;
        await sleep(Math.max(0, freeAt - performance.now()));
        if (!isStuck()) write(slice);
      }
      from.resume();
    };
    /** Keeps the order also when the delay becomes shorter. */
    const pass = (act: () => unknown): void => {
      if (isStuck()) return;
      const due = performance.now() + this.#delay;
      before = before.then(async () => {
        const wait = due - performance.now();
        if (wait > 0) await sleep(wait);
        if (!isStuck()) await act();
      });
    };
    from.on("data", (bytes) => {
      if (this.#bytesPerSecond === Number.POSITIVE_INFINITY) {
        pass(() => write(bytes));
        return;
      }
      from.pause();
      pass(() => trickle(bytes));
    });
    from.on("end", () => pass(() => to.end()));
    from.on("error", () => from.destroy());
    from.on("close", (hadError) => {
      this.#sockets.delete(from);
      if (hadError || !from.readableEnded) pass(() => to.destroy());
    });
  }

  #write(bytes: Buffer, from: Socket, to: Socket): void {
    if (!to.writable || to.write(bytes)) return;
    from.pause();
    to.once("drain", () => from.resume());
  }

  #answer(bytes: Buffer, service: Socket, client: Socket): void {
    if (bytes.length < this.#breakAfter) {
      this.#breakAfter -= bytes.length;
      this.#bytesDown += bytes.length;
      this.#write(bytes, service, client);
      return;
    }
    const last = bytes.subarray(0, this.#breakAfter);
    this.#breakAfter = Number.POSITIVE_INFINITY;
    client.write(last, () => this.#endAll());
  }
}
