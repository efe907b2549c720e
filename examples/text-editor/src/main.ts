import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { describeConnection, watchConnection } from "./connection.ts";
import { copyLinkButton } from "./copy-link.ts";
import { createEditor } from "./editor.ts";
import { element } from "./element.ts";
import { peopleList } from "./people-list.ts";
import { initialName, rememberName } from "./person.ts";
import { announce, rename, watchPresence } from "./presence.ts";
import { roomOfPage } from "./room.ts";
import { serverAddress } from "./server-address.ts";
import { joinSnippet } from "./snippet.ts";
import { addressWith, mayWrite, takeToken } from "./token.ts";
import { undoButtons } from "./undo-buttons.ts";
import { guardUnsentEdits } from "./unsent-edits.ts";

const token = takeToken();
const room = roomOfPage();
// Another room in the address bar means another document: start over with it.
addEventListener("hashchange", () => location.reload());

const server = serverAddress(location.href);
const doc = new Y.Doc();
const provider = new WebsocketProvider(server, encodeURIComponent(room), doc, {
  protocols: token === undefined ? [] : [`token.${token}`],
});
const { awareness } = provider;
const text = doc.getText("text");
// It tracks only what the editor of this page does: the others' edits stay when one is undone.
const undoManager = new Y.UndoManager(text);

announce(awareness, initialName());
guardUnsentEdits(provider);

const editor = createEditor({
  parent: element("editor", HTMLElement),
  text,
  awareness,
  undoManager,
  readOnly: !mayWrite(token),
});

const people = peopleList(
  {
    list: element("people", HTMLElement),
    count: element("people-count", HTMLElement),
    myBadge: element("my-badge", HTMLElement),
    myForm: element("my-form", HTMLFormElement),
    myName: element("my-name", HTMLInputElement),
  },
  (name) => {
    rename(awareness, name);
    rememberName(name);
  },
  () => editor.focus(),
);
watchPresence(awareness, (presence) => people.show(presence));

const connectionLine = element("connection", HTMLElement);
watchConnection(provider, (connection) => {
  connectionLine.dataset.state = connection.state;
  connectionLine.textContent = describeConnection(connection);
});

undoButtons(undoManager, element("undo", HTMLButtonElement), element("redo", HTMLButtonElement));
copyLinkButton(element("copy-link", HTMLButtonElement));
element("second-tab", HTMLAnchorElement).href = addressWith(token);
element("room", HTMLElement).textContent = room;
element("snippet", HTMLElement).textContent = joinSnippet(server, room);
document.title = `${room} · Symphony`;

editor.focus();
