import { Editor } from "@tiptap/core";
import { Collaboration } from "@tiptap/extension-collaboration";
import { CollaborationCaret } from "@tiptap/extension-collaboration-caret";
import { StarterKit } from "@tiptap/starter-kit";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { mayWrite, settingsOf } from "./settings.ts";
import { showConnection } from "./show-connection.ts";

const { server, room, token, name } = settingsOf(location.hash);
const doc = new Y.Doc();
const provider = new WebsocketProvider(server, encodeURIComponent(room), doc, {
  // Not in the URL, which ends up in logs.
  protocols: token === null ? [] : [`token.${token}`],
});
showConnection(provider, document.querySelector("#connection"));

new Editor({
  element: document.querySelector("#editor"),
  editable: mayWrite(token),
  editorProps: { attributes: { "aria-label": "Shared text" } },
  extensions: [
    // Undo is for one's own edits only, which Collaboration knows; and nothing may be added by itself,
    // because everybody's editor would.
    StarterKit.configure({ undoRedo: false, trailingNode: false }),
    Collaboration.configure({ document: doc }),
    CollaborationCaret.configure({ provider, user: { name, color: colorOf(doc.clientID) } }),
  ],
});
// Another room or token in the address bar: start over with it.
addEventListener("hashchange", () => location.reload());

function colorOf(clientId: number): string {
  // Dark enough for the white name on it.
  return `hsl(${clientId % 360}deg 70% 35%)`;
}
