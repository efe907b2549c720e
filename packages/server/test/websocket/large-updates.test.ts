import { expect, it } from "vitest";
import { LargeUpdates, type Release } from "../../src/websocket/large-updates.ts";

const LIMIT = 100;

/** Asks for the admission of updates, and records the order in which they are admitted. */
class Uploads {
  readonly admitted: string[] = [];
  readonly #updates: LargeUpdates = new LargeUpdates(LIMIT);
  readonly #releases: Map<string, Release> = new Map();

  async ask(name: string, bytes: number, address = "10.0.0.1"): Promise<void> {
    void this.#updates.admit(address, bytes).then((release) => {
      this.admitted.push(name);
      this.#releases.set(name, release);
    });
    await turn();
  }

  async release(name: string): Promise<void> {
    this.#releases.get(name)?.();
    await turn();
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

it("admits what fits at once, and the rest when others are released", async () => {
  const uploads = new Uploads();
  for (const name of ["a", "b", "c", "d"]) await uploads.ask(name, 40);
  expect(uploads.admitted).toEqual(["a", "b"]);
  await uploads.release("a");
  expect(uploads.admitted).toEqual(["a", "b", "c"]);
});

it("does not let a small update overtake one that waits", async () => {
  const uploads = new Uploads();
  await uploads.ask("a", 60);
  await uploads.ask("b", 60);
  await uploads.ask("small", 10, "10.0.0.2");
  expect(uploads.admitted).toEqual(["a"]);
  await uploads.release("a");
  expect(uploads.admitted).toEqual(["a", "b", "small"]);
});

it("admits an update above the limit on its own", async () => {
  const uploads = new Uploads();
  await uploads.ask("a", 40);
  await uploads.ask("huge", 500);
  await uploads.ask("b", 40);
  expect(uploads.admitted).toEqual(["a"]);
  await uploads.release("a");
  expect(uploads.admitted).toEqual(["a", "huge"]);
  await uploads.release("huge");
  expect(uploads.admitted).toEqual(["a", "huge", "b"]);
});

it("networks take turns, however many updates one of them has waiting", async () => {
  const uploads = new Uploads();
  for (let i = 0; i < 5; i++) await uploads.ask(`many ${i}`, LIMIT, "10.0.0.1");
  await uploads.ask("other", LIMIT, "10.0.0.2");
  await uploads.release("many 0");
  await uploads.release("many 1");
  expect(uploads.admitted).toEqual(["many 0", "many 1", "other"]);
});

it("counts a release once", async () => {
  const uploads = new Uploads();
  for (const name of ["a", "b", "c", "d"]) await uploads.ask(name, 50);
  await uploads.release("a");
  await uploads.release("a");
  expect(uploads.admitted).toEqual(["a", "b", "c"]);
});
