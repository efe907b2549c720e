import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { findServerAddress } from "../../src/server/server-address.ts";

/** Serves a response like that of the ECS metadata endpoint. */
async function withMetadata<T>(body: string, use: (url: string) => Promise<T>): Promise<T> {
  const server = createServer((_request, response) => response.end(body));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v4`);
  } finally {
    server.close();
  }
}

describe("a server's address", () => {
  it("is that of the ECS task", async () => {
    const metadata = JSON.stringify({
      Networks: [{ NetworkMode: "awsvpc", IPv4Addresses: ["10.0.2.106"] }],
    });
    const address = withMetadata(metadata, (url) => findServerAddress("0.0.0.0", 1234, url));
    expect(await address).toBe("10.0.2.106:1234");
  });

  it.each(["{}", '{"Networks":[{"IPv4Addresses":[]}]}', "<html>"])(
    "is not guessed from metadata like %s",
    async (metadata) => {
      const address = withMetadata(metadata, (url) => findServerAddress("0.0.0.0", 1234, url));
      await expect(address).rejects.toThrow(/SERVER_ADDRESS/);
    },
  );

  it("is the host it listens on, else an address of the machine that others can reach", async () => {
    expect(await findServerAddress("10.1.2.3", 1, undefined)).toBe("10.1.2.3:1");
    expect(await findServerAddress("::1", 1, undefined)).toBe("[::1]:1");
    const found = await findServerAddress("0.0.0.0", 1, undefined).catch((error: Error) => error);
    // A machine may have only a loopback interface.
    if (found instanceof Error) expect(found.message).toContain("SERVER_ADDRESS");
    else expect(found).toMatch(/^(?!127\.)\d+\.\d+\.\d+\.\d+:1$/);
  });
});
