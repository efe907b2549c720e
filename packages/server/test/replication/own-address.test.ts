import { freePort } from "@symphony/services/free-ports";
import { expect, it } from "vitest";
import { ConfigError, type ServerOptions } from "../../src/index.ts";
import { openSqliteStore } from "../../src/storage/sqlite/open.ts";
import { MemoryCluster } from "../library/memory-cluster.ts";
import { silent, start, whenDone } from "../library/servers.ts";
import { temporaryDirectory } from "../support/server-process.ts";
import { lent } from "../support/wrap-part.ts";

const SECRET = "sixteen characters";

it("rejects a server's own address if another server responds there", async () => {
  const { bus, registry } = new MemoryCluster();
  const store = await openSqliteStore(await temporaryDirectory(), silent);
  whenDone(() => store.close());
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const server = (settings: NonNullable<ServerOptions["settings"]>) =>
    start({
      ...{ bus, registry },
      journal: lent(store.journal),
      snapshots: lent(store.snapshots),
      metadata: lent(store.metadata),
      settings: { CLUSTER_SECRET: SECRET, SERVER_ADDRESS: address, ...settings },
    });
  const first = await server({ PORT: port });
  for (const [secret, reason] of [
    [SECRET, `SERVER_ADDRESS=${address}: another server already responds there`],
    ["another secret of a cluster", "a server with another CLUSTER_SECRET already responds there"],
  ] as const) {
    const second = server({ CLUSTER_SECRET: secret }).catch((error: unknown) => error);
    expect(await second).toBeInstanceOf(ConfigError);
    expect(String(await second)).toContain(reason);
  }
  expect((await fetch(`${first.url}/health/ready`)).status).toBe(200);
  await first.close();
  // The address is free again, even for a server that does not listen there itself.
  await (await server({})).close();
});
