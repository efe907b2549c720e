import { expect, it } from "vitest";
import { type AnswerReceiver, LargeAnswers } from "../../src/websocket/large-answers.ts";

const MB = 1024 * 1024;
/** With this limit, unread responses may take 12 MB. */
const GUARD = {
  limit: 144 * MB,
  look: () => {},
  whenNotFull: async () => {},
};

class Client implements AnswerReceiver {
  readonly address: string;
  readonly room: string;
  readonly #read: PromiseWithResolvers<void> = Promise.withResolvers();
  isOver = false;
  isAnswered = false;

  constructor(address: string, room: string) {
    this.address = address;
    this.room = room;
  }

  ask(answers: LargeAnswers, bytes: number): Promise<void> {
    const answer = async () => {
      this.isAnswered = true;
    };
    return answers.run(this, bytes, answer, () => this.#read.promise);
  }

  read(): void {
    this.#read.resolve();
  }

  endForMemory(): void {
    this.isOver = true;
    this.#read.resolve();
  }
}

function clients(count: number, address: string): Client[] {
  return Array.from({ length: count }, (_, i) => new Client(address, `room ${i}`));
}

it("large responses wait until clients have read earlier ones", async () => {
  const answers = new LargeAnswers(GUARD);
  const all = clients(5, "10.0.0.1");
  const asked = all.map((client) => client.ask(answers, 4 * MB));
  await Promise.all(asked.slice(0, 3));
  expect(all.map(({ isAnswered }) => isAnswered)).toEqual([true, true, true, false, false]);
  all[1]?.read();
  await asked[3];
  expect(all[4]?.isAnswered).toBe(false);
  for (const client of all) client.read();
  await Promise.all(asked);
  expect(all.filter(({ isOver }) => isOver)).toEqual([]);
});

it("a client that does not read is disconnected if another one waits", async () => {
  const answers = new LargeAnswers(GUARD);
  const hostile = clients(3, "10.0.0.1");
  await Promise.all(hostile.map((client) => client.ask(answers, 4 * MB)));
  const honest = new Client("10.0.0.2", "elsewhere");
  await honest.ask(answers, 4 * MB);
  expect(honest.isAnswered).toBe(true);
  expect(hostile.map(({ isOver }) => isOver)).toEqual([true, false, false]);
});

it("a response that takes no memory of its own does not wait", async () => {
  const answers = new LargeAnswers(GUARD);
  await Promise.all(clients(3, "10.0.0.1").map((client) => client.ask(answers, 4 * MB)));
  const honest = new Client("10.0.0.2", "elsewhere");
  await honest.ask(answers, 0);
  expect(honest.isAnswered).toBe(true);
});

it("a client that disconnects while waiting gets no response", async () => {
  const answers = new LargeAnswers(GUARD);
  const all = clients(4, "10.0.0.1");
  const asked = all.map((client) => client.ask(answers, 4 * MB));
  await Promise.all(asked.slice(0, 3));
  all[3]?.endForMemory();
  all[0]?.read();
  await asked[3];
  expect(all[3]?.isAnswered).toBe(false);
  for (const client of all) client.read();
});
