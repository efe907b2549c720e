import { cp } from "node:fs/promises";
import { join } from "node:path";
import * as Y from "yjs";
import { unite } from "../../../../examples/migrate/src/document.ts";
import { LeveldbSource } from "../../../../examples/migrate/src/sources/leveldb.ts";
import { temporaryDirectory } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

/**
 * Copies the directory of a running server as soon as it holds these texts: there is no other way to
 * tell when that server has written them.
 *
 * @param texts by the server's name of the document
 */
export function copyThatHolds(
  directory: string,
  texts: ReadonlyMap<string, string>,
): Promise<string> {
  return waitFor(
    async () => {
      const copy = join(await temporaryDirectory(), "copy");
      try {
        await cp(directory, copy, { recursive: true });
      } catch (error) {
        // A file was replaced during the copy.
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
        throw error;
      }
      return (await holds(copy, texts)) ? copy : null;
    },
    { message: `the server has stored ${[...texts.values()].join(", ")}` },
  );
}

async function holds(directory: string, texts: ReadonlyMap<string, string>): Promise<boolean> {
  const source = await LeveldbSource.open(directory);
  try {
    for (const [name, text] of texts) {
      const doc = new Y.Doc();
      Y.applyUpdate(doc, unite(await source.read(name)));
      if (doc.getText("text").toString() !== text) return false;
    }
    return true;
  } finally {
    await source.close();
  }
}
