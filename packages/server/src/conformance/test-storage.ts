import { afterEach, beforeEach } from "vitest";

/** Storage that outlives the stores opened on it. */
export interface TestStorage<Store> {
  /** Opens the same storage each time. */
  open(): Promise<Store>;
  /** Removes the storage, after all stores on it are closed. */
  discard(): Promise<void>;
}

export interface OpenStore<Store> {
  readonly current: Store;
  /** Closes the store and opens the same storage again. */
  reopen(): Promise<Store>;
}

/** Gives every test of the surrounding `describe` a store on its own storage. */
export function useStore<Store extends { close(): Promise<void> }>(
  create: () => Promise<TestStorage<Store>>,
): OpenStore<Store> {
  let storage: TestStorage<Store> | undefined;
  let store: Store | undefined;

  beforeEach(async () => {
    storage = await create();
    store = await storage.open();
  });
  afterEach(async () => {
    await store?.close();
    await storage?.discard();
    store = undefined;
    storage = undefined;
  });

  const current = () => {
    if (store === undefined) throw new Error("The store is only open while a test runs.");
    return store;
  };
  return {
    get current() {
      return current();
    },
    async reopen() {
      await current().close();
      store = await storage?.open();
      return current();
    },
  };
}

/** Room names that a careless store would confuse or misread. */
export const ODD_ROOM_NAMES: readonly string[] = [
  "a",
  "A",
  "a ",
  " a",
  "a/b",
  "a/b/",
  "../a",
  "../../etc/passwd",
  "a%2Fb",
  "a'b",
  'a"b',
  "a''; DROP TABLE journal; --",
  "a\\b",
  "a%",
  "a_",
  "a*?",
  "null",
  "0",
  "caf\u00e9",
  "cafe\u0301",
  "😀",
  "👩‍👩‍👧‍👦",
  "日本語",
  "a\nb",
  "x".repeat(200),
  "x".repeat(199),
];
