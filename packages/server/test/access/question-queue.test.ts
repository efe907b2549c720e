import { describe, expect, it } from "vitest";
import { AccessUnavailableError } from "../../src/access/access.ts";
import { QuestionQueue } from "../../src/access/question-queue.ts";
import { waitFor } from "../support/wait-for.ts";

/** A question whose answer comes when the test gives it. */
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

const questions = (count: number) => Array.from({ length: count }, () => new Question());
const asked = (all: readonly Question[]) => all.map(({ isAsked }) => isAsked);

describe("the queue of questions", () => {
  it("asks so many at once, in order, and the next when one is answered or fails", async () => {
    const queue = new QuestionQueue({ atOnce: 2, waiting: 10, waitMs: 60_000 });
    const all = questions(5);
    const answers = all.map(({ ask }) => queue.run(ask));
    expect(asked(all)).toEqual([true, true, false, false, false]);
    all[1]?.answer("second");
    expect(await answers[1]).toBe("second");
    expect(asked(all)).toEqual([true, true, true, false, false]);
    all[0]?.fail();
    await expect(answers[0]).rejects.toThrow("no answer");
    expect(asked(all)).toEqual([true, true, true, true, false]);
    for (const question of all) question.answer("later");
    expect(await Promise.all(answers.slice(2))).toEqual(["later", "later", "later"]);
  });

  it("refuses what would have to wait behind too many", async () => {
    const queue = new QuestionQueue({ atOnce: 1, waiting: 1, waitMs: 60_000 });
    const [first = new Question(), second = new Question(), third = new Question()] = questions(3);
    const answers = [queue.run(first.ask), queue.run(second.ask)];
    await expect(queue.run(third.ask)).rejects.toThrow(AccessUnavailableError);
    first.answer("1");
    second.answer("2");
    third.answer("3");
    expect(await Promise.all(answers)).toEqual(["1", "2"]);
    expect(third.isAsked).toBe(false);
    expect(await queue.run(third.ask)).toBe("3");
  });

  it("does not ask what waited too long, and goes on", async () => {
    const queue = new QuestionQueue({ atOnce: 1, waiting: 10, waitMs: 20 });
    const [first = new Question(), second = new Question(), third = new Question()] = questions(3);
    const answers = [queue.run(first.ask), queue.run(second.ask)];
    const since = performance.now();
    await waitFor(() => performance.now() - since > 20, { message: "the time is up" });
    first.answer("1");
    await expect(answers[1]).rejects.toThrow(/too slow: waited 20 ms in vain/);
    expect(second.isAsked).toBe(false);
    third.answer("3");
    expect(await queue.run(third.ask)).toBe("3");
    expect(await answers[0]).toBe("1");
  });
});
