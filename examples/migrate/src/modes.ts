import { isEmpty } from "./document.ts";
import { missingFrom } from "./missing.ts";
import type { ResumeFile } from "./resume-file.ts";
import type { Symphony } from "./symphony.ts";

/** What happened to a document that nothing is wrong with. */
export type Outcome = "sent" | "unchanged" | "empty" | "complete" | "listed";

/** What is done with each document. @throws Error that says what is wrong with it; StopError */
export type Mode = (room: string, update: Uint8Array) => Promise<Outcome>;

/** Sends it. What is empty needs no room: the first client makes one. */
export function sending(symphony: Symphony, resume: ResumeFile | undefined): Mode {
  return async (room, update) => {
    if (isEmpty(update)) return "empty";
    // A server that crashed may have the document, and not the room in its list.
    if (resume?.has(room, update) && (await symphony.has(room))) return "unchanged";
    await symphony.send(room, update);
    resume?.add(room, update);
    return "sent";
  };
}

/** Looks whether all of it has arrived. */
export function verifying(symphony: Symphony): Mode {
  return async (room, update) => {
    if (isEmpty(update)) return "empty";
    const document = await symphony.document(room);
    if (document === null) throw new Error("the server has no such room");
    const { inserted, deleted } = missingFrom(update, document);
    if (inserted > 0 || deleted > 0) {
      throw new Error(`the server lacks ${inserted} inserted and ${deleted} deleted elements`);
    }
    return "complete";
  };
}

/** Writes a line for it, and sends nothing. */
export function listing(symphony: Symphony, write: (line: string) => void): Mode {
  return async (room, update) => {
    const exists = await symphony.has(room);
    const remark = exists ? "\texists: this will be merged into it" : "";
    write(`${update.length}\t${room}${remark}\n`);
    return "listed";
  };
}
