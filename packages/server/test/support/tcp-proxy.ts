import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** How a proxy treats connections: transparently, unless the test says otherwise. */
type Mode = "open" | "cut" | "silent";

/** How often a slow network forwards data. */
const TRICKLE_MS = 50;
/** Catch up on ticks missed on a busy machine, up to this much time. */
const CATCH_UP_MS = 1_000;

/** A proxy between clients and a service on this machine, which imitates network faults. */
export class TcpProxy {
  readonly #server: Server;
  readonly #target: { readonly port: number; readonly host: string };
  /** Incremented by `strand`: connections opened before are stuck. */
  #generation = 0;
  readonly #sockets: Set<Socket> = new Set();
  #mode: Mode = "open";
  #delay = 0;
  #bytesPerSecond = Number.POSITIVE_INFINITY;
  /** How many bytes have reached clients so far. */
  #bytesDown = 0;
  /** How many more bytes from the service to forward before connections break. */
  #breakAfter = Number.POSITIVE_INFINITY;

  private constructor(server: Server, target: { port: number; host: string }) {
    this.#server = server;
    this.#target = target;
    server.on("connection", (client) => this.#join(client));
  }

  /**
   * @param port the port of the service, which need not be listening yet
   * @param host an address of this machine
   */
  static async start(port: number, host = "127.0.0.1"): Promise<TcpProxy> {
    // Half-open: a client that has sent everything may still be waiting for the response.
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TcpProxy(server, { port, host });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends all connections, and ends new ones immediately. */
  cut(): void {
    this.#mode = "cut";
    this.#endAll();
  }

  /** Accepts connections and keeps open ones, but lets nothing through. */
  silence(): void {
    this.#mode = "silent";
  }

  /**
   * Silently drops everything on the connections that are open now; new ones work. This is what happens to
   * a machine's connections when it moves to another network.
   */
  strand(): void {
    this.#generation++;
  }

  /** Delays every byte, in both directions. */
  delay(ms: number): void {
    this.#delay = ms;
  }

  /**
   * Limits the bytes per second of each connection and direction. The rest is not read either, so it
   * waits at the sender.
   */
  throttle(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** How many bytes have reached clients so far. */
  get bytesDown(): number {
    return this.#bytesDown;
  }

  /** Forwards exactly this many more bytes from the service, then ends all connections. */
  breakAfter(bytes: number): void {
    this.#breakAfter = bytes;
  }

  /**
   * Lets everything through again. Data held up by `silence` or `strand` is lost with its connections.
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
    /** Preserves the order even if the delay becomes shorter. */
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
