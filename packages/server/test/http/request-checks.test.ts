import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { TestApi, updateOf } from "./api-parts.ts";
import { detailOf } from "./http-parts.ts";

describe("a request", () => {
  it.each([
    ["/rooms?limt=5", '"limt"; did you mean limit?'],
    ["/rooms?search=a&foo=b", '"foo"; the parameters are search, sort, '],
    ["/rooms?limit=1&limit=2", "parameter limit appears more than once"],
    ["/rooms?limit=", 'limit is ""'],
    ["/rooms?limit=1e9", 'limit is "1e9"'],
    ["/rooms?sort=size", 'sort is "size"'],
    ["/rooms?cursor=nonsense", "cursor"],
    ["/rooms?active=yes", 'active is "yes"'],
    ["/connections?form=2026-01-01T00:00:00Z", '"form"; did you mean from?'],
    ["/connections?from=yesterday", 'from is "yesterday"'],
    ["/connections?to=1700000000", 'to is "1700000000"'],
    ["/connections?bucket=90", 'bucket is "90"'],
    ["/connections?bucket=-60", 'bucket is "-60"'],
    ["/connections?bucket=NaN", 'bucket is "NaN"'],
    ["/servers?limit=5", '"limit"; there are no parameters'],
    ["/rooms/a?raum=b", '"raum"; '],
    ["/rooms/a/document?format=json", '"format"; '],
    ["/rooms/a/watch?large=1", 'large is "1"'],
    [`/rooms/${"x".repeat(5_000)}`, "room"],
  ])("for %.50s is refused with the reason", async (path, reason) => {
    const api = await TestApi.start();
    await api.write("a", "text");
    const answer = await api.request(path);
    expect([answer.status, detailOf(answer)]).toEqual([400, expect.stringContaining(reason)]);
  });

  it.each([
    ["PUT", "/rooms/a", "GET, HEAD, DELETE"],
    ["POST", "/rooms", "GET, HEAD"],
    ["GET", "/rooms/a/updates", "POST"],
    ["GET", "/rooms/a/recheck", "POST"],
    ["DELETE", "/rooms/a/document", "GET, HEAD"],
    ["POST", "/events", "GET, HEAD"],
    ["PATCH", "/session", "GET, HEAD, POST, DELETE"],
  ])("%s %s is answered with the allowed methods", async (method, path, allow) => {
    const api = await TestApi.start();
    const answer = await api.request(path, { method });
    expect([answer.status, answer.headers.allow]).toEqual([405, allow]);
    detailOf(answer);
  });

  it.each([
    ["/rooms", "text/html", 406],
    ["/rooms", "application/*;q=0.5", 200],
    ["/rooms", "text/html, */*;q=0.8", 200],
    ["/servers", "application/xml", 406],
    ["/servers", "application/json;q=0", 406],
    ["/rooms/b", "application/problem+json", 404],
    ["/events", "application/json", 406],
    ["/rooms/a/document", "application/xml", 406],
  ])("for %s that accepts %s is answered with %i", async (path, accept, status) => {
    const api = await TestApi.start();
    await api.write("a", "text");
    const answer = await api.request(path, { headers: { accept } });
    expect(answer.status).toBe(status);
  });

  it("with the wrong type or encoding of body is refused", async () => {
    const api = await TestApi.start();
    const compressed = await api.request("/rooms/a/updates", {
      method: "POST",
      headers: { "content-type": "application/octet-stream", "content-encoding": "gzip" },
      body: gzipSync(updateOf("text")),
    });
    expect(compressed.status).toBe(415);
    for (const [type, status] of [
      ["application/json", 415],
      ["application/x-www-form-urlencoded", 415],
      ["application/octet-stream; charset=binary", 204],
      ["Application/Octet-Stream", 204],
    ] as const) {
      const answer = await api.request("/rooms/a/updates", {
        method: "POST",
        headers: { "content-type": type },
        body: updateOf("text"),
      });
      expect([type, answer.status]).toEqual([type, status]);
    }
  });
});
