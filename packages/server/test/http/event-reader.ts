import { once } from "node:events";
import { type IncomingMessage, type OutgoingHttpHeaders, request } from "node:http";
import type { z } from "@hono/zod-openapi";
import { waitFor } from "../support/wait-for.ts";
import { whenDone } from "./http-parts.ts";

interface ServerEvent {
  readonly name: string;
  readonly data: unknown;
}

/** Reads server-sent events as slowly as the test likes. Skips heartbeats. */
export class EventReader {
  readonly events: ServerEvent[] = [];
  readonly headers: IncomingMessage["headers"];
  bytes = 0;
  hasEnded = false;
  readonly #incoming: IncomingMessage;
  #pieces: string[] = [];
  #next = 0;

  private constructor(incoming: IncomingMessage) {
    this.#incoming = incoming;
    this.headers = incoming.headers;
    incoming.setEncoding("utf8");
    incoming.on("data", (text: string) => this.#take(text));
    incoming.on("close", () => {
      this.hasEnded = true;
    });
    // The server may also end the stream at any time.
    incoming.on("error", () => incoming.destroy());
  }

  /** @throws Error if the response is not an event stream */
  static async open(url: string, headers: OutgoingHttpHeaders = {}): Promise<EventReader> {
    const outgoing = request(url, { agent: false, headers });
    outgoing.end();
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    const reader = new EventReader(incoming);
    whenDone(async () => reader.close());
    if (incoming.headers["content-type"] !== "text/event-stream") {
      throw new Error(`${url} responded with ${incoming.statusCode}`);
    }
    return reader;
  }

  /** Waits for the next event, which must have this name and match the schema. */
  async next<Schema extends z.ZodType>(name: string, schema: Schema): Promise<z.output<Schema>> {
    const event = await this.#nextEvent();
    if (event.name !== name) throw new Error(`received the event ${event.name} before ${name}`);
    return schema.parse(event.data);
  }

  /** Like `next`, for an event of any name. */
  async nextAny<Schema extends z.ZodType>(schema: Schema): Promise<z.output<Schema>> {
    return schema.parse((await this.#nextEvent()).data);
  }

  /** Waits for the next event of this name, skipping others. */
  async nextOf<Schema extends z.ZodType>(name: string, schema: Schema): Promise<z.output<Schema>> {
    await waitFor(() => this.events.slice(this.#next).some((event) => event.name === name), {
      message: `an event ${name} has arrived`,
    });
    while (this.events[this.#next]?.name !== name) this.#next++;
    return this.next(name, schema);
  }

  pause(): void {
    this.#incoming.pause();
  }

  resume(): void {
    this.#incoming.resume();
  }

  close(): void {
    this.#incoming.destroy();
  }

  async #nextEvent(): Promise<ServerEvent> {
    const event = await waitFor(() => this.events[this.#next], { message: "an event has arrived" });
    this.#next++;
    return event;
  }

  #take(text: string): void {
    this.bytes += text.length;
    this.#pieces.push(text);
    // An event may arrive in thousands of pieces; those without a line end are only collected.
    if (!text.includes("\n")) return;
    const parts = this.#pieces.join("").split("\n\n");
    this.#pieces = [parts.pop() ?? ""];
    for (const part of parts) this.#read(part);
  }

  #read(text: string): void {
    const [, name, data] = /^event: (\w+)\ndata: ([^\n]*)$/.exec(text) ?? [];
    if (name === "heartbeat") return;
    if (name !== undefined && data !== undefined) {
      this.events.push({ name, data: JSON.parse(data) });
    } else if (!/^(:|retry: \d+)$/.test(text)) {
      throw new Error(`not an event: ${text.slice(0, 100)}`);
    }
  }
}
