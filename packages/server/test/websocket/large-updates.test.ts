import { expect, it } from "vitest";
import { type Admission, LargeUpdates } from "../../src/websocket/large-updates.ts";

const LIMIT = 100;

/** Requests the admission of updates, and records the order in which they are admitted. */
class Uploads {
  readonly admitted: string[] = [];
  readonly #updates: LargeUpdates = new LargeUpdates(LIMIT);
  readonly #admissions: Map<string, Admission> = new Map();

  async request(name: string, bytes: number, address = "10.0.0.1"): Promise<void> {
    const admission = this.#updates.request(address, bytes);
    this.#admissions.set(name, admission);
    void admission.admitted.then((isAdmitted) => {
      if (isAdmitted) this.admitted.push(name);
    });
    await turn();
  }

  async release(name: string): Promise<void> {
    this.#admissions.get(name)?.release();
    await turn();
  }

  async cancel(name: string): Promise<void> {
    this.#admissions.get(name)?.cancel();
    await turn();
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

it("admits what fits at once, and the rest when others are released", async () => {
  const uploads = new Uploads();
  for (const name of ["a", "b", "c", "d"]) await uploads.request(name, 40);
  expect(uploads.admitted).toEqual(["a", "b"]);
  await uploads.release("a");
  expect(uploads.admitted).toEqual(["a", "b", "c"]);
});

it("does not let a small update overtake one that waits", async () => {
  const uploads = new Uploads();
  await uploads.request("a", 60);
  await uploads.request("b", 60);
  await uploads.request("small", 10, "10.0.0.2");
  expect(uploads.admitted).toEqual(["a"]);
  await uploads.release("a");
  expect(uploads.admitted).toEqual(["a", "b", "small"]);
});

it("admits an update above the limit on its own", async () => {
  const uploads = new Uploads();
  await uploads.request("a", 40);
  await uploads.request("huge", 500);
  await uploads.request("b", 40);
  expect(uploads.admitted).toEqual(["a"]);
  await uploads.release("a");
  expect(uploads.admitted).toEqual(["a", "huge"]);
  await uploads.release("huge");
  expect(uploads.admitted).toEqual(["a", "huge", "b"]);
});

it("networks take turns, however many updates one of them has waiting", async () => {
  const uploads = new Uploads();
  for (let i = 0; i < 5; i++) await uploads.request(`many ${i}`, LIMIT, "10.0.0.1");
  await uploads.request("other", LIMIT, "10.0.0.2");
  await uploads.release("many 0");
  await uploads.release("many 1");
  expect(uploads.admitted).toEqual(["many 0", "many 1", "other"]);
});

it("counts a release once", async () => {
  const uploads = new Uploads();
  for (const name of ["a", "b", "c", "d"]) await uploads.request(name, 50);
  await uploads.release("a");
  await uploads.release("a");
  expect(uploads.admitted).toEqual(["a", "b", "c"]);
});

it("a client that is gone gives up its place, but not what is under way", async () => {
  const uploads = new Uploads();
  await uploads.request("a", 60);
  await uploads.request("gone", 60);
  await uploads.request("b", 30);
  await uploads.cancel("gone");
  expect(uploads.admitted).toEqual(["a", "b"]);
  await uploads.request("c", 60);
  await uploads.cancel("a");
  expect(uploads.admitted).toEqual(["a", "b"]);
  await uploads.release("a");
  expect(uploads.admitted).toEqual(["a", "b", "c"]);
});

it("stays open to others when all that waited have gone", async () => {
  const uploads = new Uploads();
  await uploads.request("a", LIMIT);
  for (let i = 0; i < 10; i++) await uploads.request(`gone ${i}`, LIMIT, `10.0.0.${i}`);
  for (let i = 0; i < 10; i++) await uploads.cancel(`gone ${i}`);
  await uploads.release("a");
  await uploads.request("b", LIMIT);
  expect(uploads.admitted).toEqual(["a", "b"]);
});
