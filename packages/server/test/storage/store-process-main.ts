import { openSqliteStore, type SqliteStore } from "../../src/storage/sqlite/open.ts";

// The program of a StoreProcess: calls the store methods that its parent requests.

export interface StoreRequest {
  readonly id: number;
  readonly part: "store" | "journal" | "snapshots" | "metadata";
  readonly method: string;
  readonly args: readonly unknown[];
}

export type StoreReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly name: string; readonly message: string } };

const directory = process.argv[2] ?? "";
let store: SqliteStore | undefined;

async function answer({ part, method, args }: StoreRequest): Promise<unknown> {
  if (method === "open") {
    store = await openSqliteStore(directory);
    return undefined;
  }
  if (store === undefined) throw new Error("The store is not open.");
  const target = part === "store" ? store : store[part];
  return Reflect.apply(Reflect.get(target, method), target, args);
}

function send(reply: StoreReply): void {
  process.send?.(reply);
}

process.on("message", (request: StoreRequest) => {
  answer(request).then(
    (value) => send({ id: request.id, value }),
    (error: Error) => send({ id: request.id, error: { name: error.name, message: error.message } }),
  );
});
process.on("disconnect", () => process.exit());
