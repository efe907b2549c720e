import { describe, expect, it } from "vitest";
import { AccessUnavailableError } from "../../src/auth/access.ts";
import { FairLimit, type FairLimitOptions } from "../../src/auth/fair-limit.ts";
import { waitFor } from "../support/wait-for.ts";

/** A task that the test settles. */
class Question {
  isAsked = false;
  readonly #answer: PromiseWithResolvers<string> = Promise.withResolvers();

  readonly ask = (): Promise<string> => {
    this.isAsked = true;
    return this.#answer.promise;
  };

  answer(text: string): void {
    this.#answer.resolve(text);
  }

  fail(): void {
    this.#answer.reject(new Error("no answer"));
  }
}

const OWNER = { address: "192.0.2.1", room: "room" };

/** A limit that, by default, reserves no slots for other networks. */
function limitOf(options: Partial<FairLimitOptions>): FairLimit {
  return new FairLimit({ atOnce: 2, reserved: 0, waiting: 10, waitMs: 60_000, ...options });
}

const questions = (count: number) => Array.from({ length: count }, () => new Question());
const asked = (all: readonly Question[]) => all.map(({ isAsked }) => isAsked);

describe("a fair concurrency limit", () => {
  it("starts tasks in order, each as soon as one settles", async () => {
    const limit = limitOf({});
    const all = questions(5);
    const answers = all.map(({ ask }) => limit.run(OWNER, ask));
    expect(asked(all)).toEqual([true, true, false, false, false]);
    all[1]?.answer("second");
    expect(await answers[1]).toBe("second");
    await waitFor(() => all[2]?.isAsked, { message: "the third task has started" });
    expect(asked(all)).toEqual([true, true, true, false, false]);
    all[0]?.fail();
    await expect(answers[0]).rejects.toThrow("no answer");
    await waitFor(() => all[3]?.isAsked, { message: "the fourth task has started" });
    expect(asked(all)).toEqual([true, true, true, true, false]);
    for (const question of all) question.answer("later");
    expect(await Promise.all(answers.slice(2))).toEqual(["later", "later", "later"]);
  });

  it("refuses tasks while the queue is full", async () => {
    const limit = limitOf({ atOnce: 1, waiting: 1 });
    const [first = new Question(), second = new Question(), third = new Question()] = questions(3);
    const answers = [limit.run(OWNER, first.ask), limit.run(OWNER, second.ask)];
    await expect(limit.run(OWNER, third.ask)).rejects.toThrow(AccessUnavailableError);
    first.answer("1");
    second.answer("2");
    third.answer("3");
    expect(await Promise.all(answers)).toEqual(["1", "2"]);
    expect(third.isAsked).toBe(false);
    expect(await limit.run(OWNER, third.ask)).toBe("3");
  });

  it("drops tasks that waited too long and continues with the next", async () => {
    const limit = limitOf({ atOnce: 1, waitMs: 20 });
    const [first = new Question(), second = new Question(), third = new Question()] = questions(3);
    const answers = [limit.run(OWNER, first.ask), limit.run(OWNER, second.ask)];
    const since = performance.now();
    await waitFor(() => performance.now() - since > 20, { message: "the time limit has passed" });
    first.answer("1");
    await expect(answers[1]).rejects.toThrow(/too slow: waited more than 20 ms/);
    expect(second.isAsked).toBe(false);
    third.answer("3");
    expect(await limit.run(OWNER, third.ask)).toBe("3");
    expect(await answers[0]).toBe("1");
  });

  it("serves networks in turn, and the rooms of each network in turn", async () => {
    const limit = limitOf({ atOnce: 1 });
    const order: string[] = [];
    const ask = (address: string, room: string) =>
      limit.run({ address, room }, async () => {
        order.push(`${address} ${room}`);
      });
    const first = new Question();
    const running = limit.run(OWNER, first.ask);
    const all = [
      ask("192.0.2.1", "a"),
      ask("192.0.2.1", "a"),
      ask("192.0.2.1", "b"),
      ask("192.0.2.2", "a"),
      ask("2001:db8::1", "a"),
      ask("2001:db8::2", "a"),
    ];
    first.answer("go");
    await Promise.all([running, ...all]);
    expect(order).toEqual([
      "192.0.2.1 a",
      "192.0.2.2 a",
      "2001:db8::1 a",
      "192.0.2.1 b",
      "2001:db8::2 a",
      "192.0.2.1 a",
    ]);
  });

  it("reserves slots for other networks, however many tasks one of them has", async () => {
    const limit = limitOf({ atOnce: 3, reserved: 1 });
    const slow = questions(3);
    const answers = slow.map(({ ask }) => limit.run(OWNER, ask));
    expect(asked(slow)).toEqual([true, true, false]);
    const other = new Question();
    const answer = limit.run({ address: "192.0.2.2", room: "room" }, other.ask);
    expect(other.isAsked).toBe(true);
    for (const question of [...slow, other]) question.answer("done");
    await Promise.all([...answers, answer]);
  });

  it("makes room in a full queue at the expense of the largest user", async () => {
    const limit = limitOf({ atOnce: 1, waiting: 4 });
    const first = new Question();
    const running = limit.run(OWNER, first.ask);
    const flood = Array.from({ length: 10 }, () => limit.run(OWNER, async () => "flood"));
    const outcomes = Promise.allSettled(flood);
    const elsewhere = limit.run({ ...OWNER, room: "another" }, async () => "another room");
    const honest = limit.run({ ...OWNER, address: "192.0.2.2" }, async () => "another address");
    first.answer("go");
    expect(await Promise.all([running, elsewhere, honest])).toEqual([
      "go",
      "another room",
      "another address",
    ]);
    const statuses = (await outcomes).map(({ status }) => status);
    expect(statuses.filter((status) => status === "fulfilled")).toHaveLength(2);
  });
});
