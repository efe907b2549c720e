import { expect, test } from "vitest";
import { serverAddress } from "../../../../examples/text-editor/src/server-address.ts";

test.each([
  ["http://127.0.0.1:1234/", "ws://127.0.0.1:1234"],
  ["http://127.0.0.1:1234/index.html#room", "ws://127.0.0.1:1234"],
  ["https://example.com/#a/b", "wss://example.com"],
  ["https://example.com/notes/", "wss://example.com/notes"],
  ["https://example.com/notes/index.html?x=/y#room", "wss://example.com/notes"],
])("the page at %s connects to %s", (page, server) => {
  expect(serverAddress(page)).toBe(server);
});
