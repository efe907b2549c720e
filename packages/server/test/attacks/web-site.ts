import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll } from "vitest";

/** Serves an empty page at its own origin, `http://localhost:<port>/`, until the test file ends. */
export async function startWebSite(): Promise<string> {
  const site = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><body>");
  });
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  afterAll(async () => {
    site.closeAllConnections();
    site.close();
    await once(site, "close");
  });
  return `http://localhost:${(site.address() as AddressInfo).port}/`;
}
