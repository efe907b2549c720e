import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { redactToken, selectProtocol, tokenOfRequest } from "../../src/auth/token-of-request.ts";

const tokenOf = (url: string, protocols?: string) =>
  tokenOfRequest({
    url,
    headers: protocols === undefined ? {} : { "sec-websocket-protocol": protocols },
  });

describe("the token of a request", () => {
  it.each([
    ["/room", undefined, undefined],
    ["/room?token=a.b.c", undefined, "a.b.c"],
    ["/room?x=1&token=a.b.c&y=2", undefined, "a.b.c"],
    ["/room?token=a%2Bb%20c", undefined, "a+b c"],
    ["/room?%74oken=abc", undefined, "abc"],
    ["/room?token=", undefined, undefined],
    ["/room?token", undefined, undefined],
    ["/room?Token=abc", undefined, undefined],
    ["/token=abc", undefined, undefined],
    ["/room?token=first&token=second", undefined, "first"],
    ["/room?token=%ff%", undefined, "\ufffd%"],
    ["//host:99999/room?token=abc", undefined, "abc"],
    ["/room", "token.a.b.c", "a.b.c"],
    ["/room", "yjs, token.a.b.c", "a.b.c"],
    ["/room", "token.a.b.c,yjs", "a.b.c"],
    ["/room", "yjs", undefined],
    ["/room", "token.", undefined],
    ["/room", "mytoken.abc", undefined],
    ["/room", "", undefined],
    ["/room?token=query", "token.protocol", "protocol"],
    ["/room?token=query", "yjs", "query"],
  ])("%s with %j: %j", (url, protocols, token) => {
    expect(tokenOf(url, protocols)).toBe(token);
  });

  it.each([
    ["/room", "/room"],
    ["/room?", "/room?"],
    ["/room?x=1", "/room?x=1"],
    ["/room?token=secret", "/room?token=[redacted]"],
    ["/room?x=1&token=secret&y=2", "/room?x=1&token=[redacted]&y=2"],
    ["/room?token=secret&token=secret", "/room?token=[redacted]&token=[redacted]"],
    ["/room?%74ok%65n=secret", "/room?token=[redacted]"],
    ["/room?token=secret?x", "/room?token=[redacted]"],
    ["/room?x?token=1", "/room?x?token=1"],
  ])("%s is logged as %s", (url, expected) => {
    expect(redactToken(url)).toBe(expected);
  });
});

describe("the subprotocol", () => {
  it.each<[string[], string | false]>([
    [[], false],
    [["yjs"], "yjs"],
    [["token.abc"], "token.abc"],
    [["token.abc", "yjs"], "yjs"],
    [["yjs", "token.abc", "other"], "yjs"],
    [["token.abc", "token.def"], "token.abc"],
  ])("selected from %j is %s", (offered, expected) => {
    expect(selectProtocol(new Set(offered))).toBe(expected);
  });

  it.each([
    [["token.a.b-_c"], "token.a.b-_c"],
    [["token.a.b-_c", "yjs"], "yjs"],
    [[], ""],
  ])("lets a WebSocket that offers %j connect", async (offered, selected) => {
    const server = new WebSocketServer({
      port: 0,
      host: "127.0.0.1",
      handleProtocols: selectProtocol,
    });
    await once(server, "listening");
    const tokens: (string | undefined)[] = [];
    server.on("connection", (_, request) => tokens.push(tokenOfRequest(request)));
    const { port } = server.address() as AddressInfo;
    const client = new WebSocket(`ws://127.0.0.1:${port}/room`, offered);
    await new Promise((resolve, reject) => {
      client.onopen = resolve;
      client.onerror = reject;
    });
    expect(client.protocol).toBe(selected);
    expect(tokens).toEqual([offered.length === 0 ? undefined : "a.b-_c"]);
    const closed = new Promise((resolve) => {
      client.onclose = resolve;
    });
    client.close();
    await closed;
    server.close();
    await once(server, "close");
  });
});
