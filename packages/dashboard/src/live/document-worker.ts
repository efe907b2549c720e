import * as Y from "yjs";
import { type DocumentJson, documentToJson } from "../../../server/src/room/json/document-json.ts";

/** Requests from the page. `update` with `whole` starts a new document; `show` gets an answer. */
export type DocumentRequest =
  | { readonly type: "update"; readonly update: string; readonly whole: boolean }
  | { readonly type: "show" };

export type DocumentAnswer =
  | { readonly type: "shown"; readonly roots: DocumentJson["roots"] }
  | { readonly type: "failed"; readonly reason: string };

// Runs in its own worker: a document can take minutes to integrate, and the page must stay responsive.

let doc = new Y.Doc();

self.addEventListener("message", ({ data }: MessageEvent<DocumentRequest>) => {
  if (data.type === "show") self.postMessage(show());
  else take(data.update, data.whole);
});

function take(update: string, whole: boolean): void {
  if (whole) {
    doc.destroy();
    doc = new Y.Doc();
  }
  Y.applyUpdate(doc, fromBase64(update));
}

function show(): DocumentAnswer {
  try {
    return { type: "shown", roots: documentToJson(doc).roots };
  } catch (error) {
    return { type: "failed", reason: error instanceof Error ? error.message : String(error) };
  }
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
