import { beforeAll, describe, expect, it } from "vitest";
import * as Y from "yjs";
import { EditingClient } from "../support/editing-client.ts";
import { TestReceiver } from "../support/receiver.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { REFERENCES, startReference } from "./reference-server.ts";

const CALLBACK_OBJECTS = JSON.stringify({
  "2": "Map",
  text: "Text",
  list: "Array",
  map: "Map",
  xml: "XmlFragment",
  element: "XmlElement",
  "never used": "Array",
  "read as something else": "Map",
  'na"me': "Text",
});
const SETTINGS = { CALLBACK_OBJECTS, CALLBACK_DEBOUNCE_WAIT: "300" };

let receiver: TestReceiver;
let server: ServerProcess;
beforeAll(async () => {
  receiver = await TestReceiver.start();
  server = await startServer({ env: { ...SETTINGS, CALLBACK_URL: receiver.url } });
});

/** @param letters the older reference sends a wrong length for non-ASCII text */
function write(doc: Y.Doc, letters: string): void {
  doc.transact(() => {
    const text = doc.getText("text");
    text.insert(0, `Hello ${letters}`);
    text.format(0, 5, { bold: true });
    text.insertEmbed(3, { image: "x" });
    doc.getArray("list").push([1, letters, null, true, { a: [1.5] }, Uint8Array.of(1, 2)]);
    doc.getArray("list").push([new Y.Map([["nested", new Y.Text("deep")]])]);
    doc.getArray("list").delete(0, 1);
    doc.getMap("map").set("b", 1);
    doc.getMap("map").set("a", undefined);
    doc.getMap("2").set("x", new Y.Array());
    const paragraph = new Y.XmlElement("p");
    paragraph.setAttribute("class", "<&>");
    paragraph.insert(0, [new Y.XmlText(`${letters} <b>`)]);
    doc.getXmlFragment("xml").insert(0, [paragraph]);
    doc.getXmlElement("element").insert(0, [new Y.XmlText("inside")]);
    doc.getText("read as something else").insert(0, "text");
    doc.getText('na"me').insert(0, '"');
  });
}

describe.each(Object.keys(REFERENCES))("a callback compared with that of %s", (name) => {
  it("is the same request for the same document", async () => {
    const theirs = await TestReceiver.start();
    const reference = await startReference(name, { ...SETTINGS, CALLBACK_URL: theirs.url });
    const room = `body-${name.replaceAll(/\W/g, "")}`;
    const client = new EditingClient();
    await client.connect(server.wsUrl, room);
    write(client.doc, name.includes("1.5.4") ? "plain" : "日本 😀 é");
    const other = new EditingClient();
    await other.connect(reference, room);
    Y.applyUpdate(other.doc, Y.encodeStateAsUpdate(client.doc));
    const [own] = await waitFor(() => firstOf(receiver.of(room)), {
      message: "our callback has arrived",
    });
    const [other1] = await waitFor(() => firstOf(theirs.of(room)), {
      message: "the callback of the reference server has arrived",
    });
    expect(own.body).toBe(other1.body);
    expect(own.method).toBe(other1.method);
    expect(own.path).toBe(other1.path);
    for (const header of ["content-type", "content-length"]) {
      expect(own.headers[header]).toBe(other1.headers[header]);
    }
    await Promise.all([client.disconnect(), other.disconnect()]);
  });
});

describe("a callback body", () => {
  it("contains big integers, which crash the reference server", async () => {
    const client = new EditingClient();
    await client.connect(server.wsUrl, "bigint");
    client.doc.getMap("map").set("n", 2n ** 62n);
    const [own] = await waitFor(() => firstOf(receiver.of("bigint")), {
      message: "the callback has arrived",
    });
    expect(JSON.parse(own.body)).toMatchObject({
      data: { map: { type: "Map", content: { n: { $bigint: String(2n ** 62n) } } } },
    });
    await client.disconnect();
  });
});

function firstOf<T>([first]: readonly T[]): [T] | undefined {
  return first === undefined ? undefined : [first];
}
