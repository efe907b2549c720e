import type { Bus, BusListener, Subscription } from "../replication/bus.ts";
import { waitFor } from "./wait-for.ts";

/** A subscription that records what it receives. */
export class BusRecorder implements BusListener {
  readonly messages: Uint8Array[] = [];
  interruptions = 0;
  #subscription: Subscription | undefined;

  /** Resolves when the subscription does. */
  static async on(bus: Bus, room: string): Promise<BusRecorder> {
    const recorder = new BusRecorder();
    recorder.#subscription = await bus.subscribe(room, recorder);
    return recorder;
  }

  get texts(): string[] {
    return this.messages.map((message) => Buffer.from(message).toString());
  }

  /** The total size of all messages. */
  get bytes(): number {
    return this.messages.reduce((sum, { length }) => sum + length, 0);
  }

  onMessage(message: Uint8Array): void {
    this.messages.push(message.slice());
  }

  onInterrupted(): void {
    this.interruptions++;
  }

  publish(message: Uint8Array): void {
    this.#subscription?.publish(message);
  }

  send(text: string): void {
    this.publish(Buffer.from(text));
  }

  async close(): Promise<void> {
    await this.#subscription?.close();
  }

  async receives(text: string): Promise<void> {
    await waitFor(() => this.texts.includes(text), {
      message: () => `"${text}" is received; ${this.messages.length} messages received so far`,
    });
  }
}
