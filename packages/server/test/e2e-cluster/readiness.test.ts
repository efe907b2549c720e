import { beforeAll, it } from "vitest";
import type { TcpProxy } from "../support/tcp-proxy.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await TestCluster.start(1);
}, 120_000);

/** The failing parts that `GET /health/ready` names. */
async function failing(): Promise<string[]> {
  const response = await fetch(`${cluster.member(0).process.url}/health/ready`);
  const { failing: parts } = (await response.json()) as { failing: Record<string, string> };
  return Object.keys(parts);
}

const outages: readonly (readonly [string, "journal" | "snapshots", (path: TcpProxy) => void])[] = [
  ["PostgreSQL refuses connections", "journal", (path) => path.cut()],
  ["PostgreSQL hangs", "journal", (path) => path.silence()],
  ["S3 refuses connections", "snapshots", (path) => path.cut()],
  ["S3 hangs", "snapshots", (path) => path.silence()],
];

// No client writes during the outage: a write would detect it by itself, but notice its end late.
it.each(outages)("readiness reports an outage while it lasts: %s", async (_name, part, fail) => {
  const { postgres, s3 } = cluster.member(0);
  const path = part === "journal" ? postgres : s3;
  await waitFor(async () => (await failing()).length === 0, {
    message: "the server is ready before the outage",
  });
  fail(path);
  await waitFor(async () => (await failing()).includes(part), {
    timeout: 30_000,
    message: `${part} is reported as failing`,
  });
  path.restore();
  await waitFor(async () => !(await failing()).includes(part), {
    timeout: 30_000,
    message: `${part} is no longer reported as failing`,
  });
});
