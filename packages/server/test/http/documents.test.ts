import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { documentSchema, presenceSchema, roomSchema } from "../../src/http/api/schemas.ts";
import { StorageError } from "../../src/storage/errors.ts";
import type { Journal } from "../../src/storage/journal.ts";
import { encodeAwareness } from "../support/awareness-bytes.ts";
import { waitFor } from "../support/wait-for.ts";
import { withOverrides } from "../support/wrap-part.ts";
import { type ApiOptions, TestApi, textOf, updateOf } from "./api-parts.ts";
import { type Answer, detailOf } from "./http-parts.ts";

const UPDATE = "application/octet-stream";

function read(api: TestApi, room: string, accept?: string): Promise<Answer> {
  const headers = accept === undefined ? {} : { accept };
  return api.request(`/rooms/${room}/document`, { headers });
}

/** A journal whose writes block until the test releases them. */
function heldBack(): { options: ApiOptions; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const journal = (inner: Journal) =>
    withOverrides(inner, {
      append: async (rows) => {
        await opened;
        return inner.append(rows);
      },
    });
  return { options: { journal }, open };
}

describe("a document", () => {
  it("is returned as one update, whether it is open or only stored", async () => {
    const api = await TestApi.start();
    await api.write("a", "first ");
    await api.write("a", "second");
    const session = await api.documents.open("a");
    const open = await read(api, "a");
    expect(open.status).toBe(200);
    expect(open.headers["content-type"]).toBe(UPDATE);
    expect(open.headers["content-length"]).toBe(String(open.body.length));
    expect(open.headers["content-disposition"]).toBe('attachment; filename="a.yjs"');
    expect([...textOf(open.body)].sort()).toEqual([..."first second"].sort());
    session[Symbol.dispose]();
    await waitFor(() => !api.documents.holds("a"), { message: "the document has been unloaded" });
    const stored = await read(api, "a");
    expect(textOf(stored.body)).toBe(textOf(open.body));
    expect(api.documents.holds("a")).toBe(false);
  });

  it("is returned as JSON on request", async () => {
    const api = await TestApi.start();
    await api.write("a", "text");
    const answer = await read(api, "a", "application/json");
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.headers["content-disposition"]).toBeUndefined();
    expect(documentSchema.parse(JSON.parse(answer.body.toString()))).toEqual({
      roots: { text: { type: "text", value: "text" } },
    });
  });

  it("is returned in the accepted type, or refused", async () => {
    const api = await TestApi.start();
    await api.write("a", "text");
    for (const [accept, type] of [
      ["*/*", UPDATE],
      ["application/*", UPDATE],
      ["text/html,application/xhtml+xml,*/*;q=0.8", UPDATE],
      ["application/json, text/plain, */*", "application/json"],
      ["application/octet-stream;q=0.5, application/json", "application/json"],
      ["application/json;q=0.5, application/octet-stream", UPDATE],
    ] as const) {
      expect((await read(api, "a", accept)).headers["content-type"], accept).toBe(type);
    }
    for (const accept of ["text/html", "image/*", "application/json;q=0", "*/*;q=0"]) {
      const answer = await read(api, "a", accept);
      expect(answer.status, accept).toBe(406);
      expect(detailOf(answer)).toContain(accept);
    }
  });

  it("is empty if it was never written to, and missing if it was never opened", async () => {
    const api = await TestApi.start();
    await api.metadata.record([{ type: "room-opened", room: "empty", at: 1 }]);
    expect(textOf((await read(api, "empty")).body)).toBe("");
    const missing = await read(api, "missing");
    expect(missing.status).toBe(404);
    expect(detailOf(missing)).toContain('"missing"');
    expect((await api.request("/rooms/missing/presence")).status).toBe(404);
  });

  it("can be large", async () => {
    const api = await TestApi.start({ maxMessageBytes: 10_000_000 });
    const text = "0123456789".repeat(300_000);
    await api.write("a", text);
    const session = await api.documents.open("a");
    expect(textOf((await read(api, "a")).body) === text).toBe(true);
    session[Symbol.dispose]();
  });

  it("has a safe file name", async () => {
    const api = await TestApi.start();
    const name = '../a"b\\c\u00e9.html';
    await api.write(name, "text");
    const answer = await read(api, encodeURIComponent(name));
    expect(answer.headers["content-disposition"]).toBe('attachment; filename="_a_b_c_html.yjs"');
  });
});

describe("an update", () => {
  it("is acknowledged only once it is durable", async () => {
    const { options, open } = heldBack();
    const api = await TestApi.start(options);
    let answered = false;
    const posted = api.post("a", updateOf("text")).then((answer) => {
      answered = true;
      return answer;
    });
    await waitFor(() => api.documents.journal.problem, { message: "the journal is blocked" });
    expect(answered).toBe(false);
    open();
    expect((await posted).status).toBe(204);
    expect((await api.get("/rooms/a", roomSchema)).name).toBe("a");
  });

  it("is refused if it is malformed", async () => {
    const api = await TestApi.start();
    for (const body of [Uint8Array.of(), Uint8Array.of(1, 2, 3), updateOf("text").slice(0, -3)]) {
      const answer = await api.post("a", body);
      expect(answer.status).toBe(400);
      expect(detailOf(answer)).toContain("update");
    }
    expect(api.documents.holds("a")).toBe(false);
  });

  it("is refused unless the body is exactly one V1 update", async () => {
    const api = await TestApi.start();
    const doc = new Y.Doc();
    doc.getText("text").insert(0, "precious");
    doc.getMap("map").set("key", { nested: [1, true, null] });
    const v2 = Y.encodeStateAsUpdateV2(doc);
    const emptyV2 = Y.encodeStateAsUpdateV2(new Y.Doc());
    const two = Buffer.concat([updateOf("one"), updateOf("two")]);
    for (const [body, reason] of [
      [v2, "format V2"],
      [emptyV2, "format V2"],
      [two, "one update at a time"],
      [Buffer.concat([updateOf("one"), Buffer.from([0])]), "1 bytes follow the update"],
      [Buffer.from('{"update":[0,0]}'), "not a Yjs update"],
      [Buffer.from("AAA="), "not a Yjs update"],
      [Buffer.alloc(0), "the body is empty"],
    ] as const) {
      const answer = await api.post("a", body);
      expect([answer.status, detailOf(answer)]).toEqual([400, expect.stringContaining(reason)]);
    }
    expect(api.documents.holds("a")).toBe(false);
  });

  it("is refused with the wrong content type", async () => {
    const api = await TestApi.start();
    for (const headers of [{}, { "content-type": "text/plain" }]) {
      const answer = await api.request("/rooms/a/updates", {
        method: "POST",
        headers,
        body: updateOf("text"),
      });
      expect(answer.status).toBe(415);
      detailOf(answer);
    }
  });

  it("is refused if it would be or make the document too large", async () => {
    const api = await TestApi.start({ maxMessageBytes: 1_000, maxDocumentBytes: 1_500 });
    const large = await api.post("a", updateOf("x".repeat(1_000)));
    expect(large.status).toBe(413);
    expect(detailOf(large)).toContain("1000");
    const chunked = await api.request("/rooms/a/updates", {
      method: "POST",
      headers: { "content-type": UPDATE, "transfer-encoding": "chunked" },
      body: updateOf("x".repeat(1_000)),
    });
    expect(chunked.status).toBe(413);
    await api.write("a", "x".repeat(900));
    const more = await api.post("a", updateOf("x".repeat(900)));
    expect(more.status).toBe(413);
    expect(detailOf(more)).toContain("1500");
  });

  it("is answered with 503 if the journal does not commit it in time", async () => {
    const { options, open } = heldBack();
    const api = await TestApi.start(options);
    const answer = await api.post("a", updateOf("text"));
    expect(answer.status).toBe(503);
    expect(detailOf(answer)).toContain("not yet durable");
    open();
    await waitFor(() => api.documents.journal.problem === undefined, {
      message: "the journal has recovered",
    });
    expect(textOf((await read(api, "a")).body)).toBe("text");
  });

  it("changes nothing if it is empty", async () => {
    const api = await TestApi.start();
    expect((await api.post("a", Y.encodeStateAsUpdate(new Y.Doc()))).status).toBe(204);
    expect(api.documents.holds("a")).toBe(false);
  });

  it("is refused while the journal cannot be read", async () => {
    const api = await TestApi.start({
      journal: (inner) =>
        withOverrides(inner, {
          read: () => Promise.reject(new StorageError("the journal is not there")),
        }),
    });
    const answer = await api.post("a", updateOf("text"));
    expect(answer.status).toBe(503);
    expect(detailOf(answer)).toContain("the journal is not there");
  });
});

describe("presence", () => {
  it("lists the clients in the room and their states", async () => {
    const api = await TestApi.start();
    await api.write("a", "text");
    expect(await api.get("/rooms/a/presence", presenceSchema)).toEqual({ clients: [] });
    const session = await api.documents.open("a");
    const { room: document } = session;
    const sink = { writable: true, write: () => {}, probe: () => {}, close: () => {} };
    const reader = document.attach(sink);
    const state = new TextEncoder().encode('{"user":{"name":"Zo\u00eb"}}');
    document.receiveAwareness(
      encodeAwareness([{ client: 7, clock: 3, state }]),
      reader,
      Date.now(),
    );
    expect(await api.get("/rooms/a/presence", presenceSchema)).toEqual({
      clients: [{ client: 7, clock: 3, state: { user: { name: "Zo\u00eb" } } }],
    });
    document.detach(reader, Date.now());
    expect(await api.get("/rooms/a/presence", presenceSchema)).toEqual({ clients: [] });
    session[Symbol.dispose]();
  });
});
