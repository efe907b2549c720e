import { execFile } from "node:child_process";
import { randomInt, randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type CephLayout, cephConfiguration, monitorAddress } from "./ceph-configuration.ts";
import { freePort } from "./free-ports.ts";
import { ManagedProcess } from "./managed-process.ts";
import type { Service } from "./service.ts";

const run = promisify(execFile);

const COMMAND_TIMEOUT_MS = 90_000;

interface Parts {
  readonly layout: CephLayout;
  readonly monitor: ManagedProcess;
  readonly store: ManagedProcess;
  readonly gateway: ManagedProcess;
}

/**
 * S3 from a Ceph object gateway. The data is in memory: `kill`, `pause` and their opposites only
 * affect the gateway, which is all that its clients see; the store behind it keeps running.
 */
export class Ceph implements Service {
  readonly accessKey: string = "test-access-key";
  readonly secretKey: string = "test-secret-key";
  #parts: Parts | undefined;

  /** `http://127.0.0.1:<port>` @throws Error before the first start */
  get endpoint(): string {
    if (this.#parts === undefined) throw new Error("Ceph was never started");
    return `http://127.0.0.1:${this.#parts.layout.gatewayPort}`;
  }

  async start(): Promise<void> {
    if (this.#parts !== undefined) {
      await this.#parts.gateway.start();
      return;
    }
    this.#parts = partsOf(await layOut());
    try {
      await this.#startAll(this.#parts);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async kill(): Promise<void> {
    await this.#parts?.gateway.kill();
  }

  pause(): void {
    this.#parts?.gateway.signal("SIGSTOP");
  }

  resume(): void {
    this.#parts?.gateway.signal("SIGCONT");
  }

  async stop(): Promise<void> {
    if (this.#parts === undefined) return;
    const { layout, monitor, store, gateway } = this.#parts;
    // The data is discarded, and a clean shutdown of each would wait for the others.
    await Promise.all([gateway.kill(), store.kill(), monitor.kill()]);
    this.#parts = undefined;
    await rm(layout.directory, { recursive: true, force: true });
  }

  async #startAll({ layout, monitor, store, gateway }: Parts): Promise<void> {
    await prepareMonitor(layout);
    await monitor.start();
    await prepareStore(layout);
    await store.start();
    await gateway.start();
    await ceph(layout, "radosgw-admin", [
      ...["-n", "client.rgw", "user", "create", "--uid=test", "--display-name=test"],
      ...[`--access-key=${this.accessKey}`, `--secret-key=${this.secretKey}`],
    ]);
  }
}

async function layOut(): Promise<CephLayout> {
  const directory = await mkdtemp(join(tmpdir(), "symphony-ceph-"));
  const layout = {
    directory,
    clusterId: randomUUID(),
    address: ["127", randomInt(1, 255), randomInt(1, 255), randomInt(1, 255)].join("."),
    gatewayPort: await freePort(),
  };
  await Promise.all(["mon", "osd", "run", "rgw"].map((name) => mkdir(join(directory, name))));
  await writeFile(join(directory, "ceph.conf"), cephConfiguration(layout));
  return layout;
}

function partsOf(layout: CephLayout): Parts {
  const daemon = (program: string, args: readonly string[], ready: () => Promise<boolean>) =>
    new ManagedProcess({
      command: program,
      // `-f` keeps them children of this process, so that they end with it.
      args: ["-f", ...args],
      env: { CEPH_CONF: configurationOf(layout) },
      ready,
      startTimeout: 60_000,
    });
  return {
    layout,
    monitor: daemon("ceph-mon", ["-i", "a", "--mon-data", monitorDirectory(layout)], async () => {
      await ceph(layout, "ceph", ["--connect-timeout", "2", "mon", "stat"]);
      return true;
    }),
    store: daemon("ceph-osd", ["-i", "0"], async () => {
      const stat = await ceph(layout, "ceph", ["osd", "stat", "-f", "json"]);
      return JSON.parse(stat).num_up_osds === 1;
    }),
    gateway: daemon("radosgw", ["-n", "client.rgw"], async () => {
      await fetch(`http://127.0.0.1:${layout.gatewayPort}/`, {
        signal: AbortSignal.timeout(1_000),
      });
      return true;
    }),
  };
}

async function prepareMonitor(layout: CephLayout): Promise<void> {
  const { directory, clusterId } = layout;
  const keyring = join(directory, "keyring");
  const map = join(directory, "monmap");
  await run("ceph-authtool", ["--create-keyring", keyring, "--gen-key", "-n", "client.admin"]);
  for (const name of ["client.rgw", "mon."]) {
    await run("ceph-authtool", [keyring, "--gen-key", "-n", name]);
  }
  await run("monmaptool", [
    ...["--create", "--clobber", "--fsid", clusterId],
    ...["--addv", "a", `[${monitorAddress(layout)}]`, map],
  ]);
  await ceph(layout, "ceph-mon", [
    ...["--mkfs", "-i", "a", "--monmap", map, "--mon-data", monitorDirectory(layout)],
  ]);
}

async function prepareStore(layout: CephLayout): Promise<void> {
  const id = randomUUID();
  await ceph(layout, "ceph", ["osd", "new", id, "0"]);
  await ceph(layout, "ceph-osd", ["-i", "0", "--mkfs", "--osd-uuid", id]);
}

async function ceph(layout: CephLayout, program: string, args: readonly string[]): Promise<string> {
  // In a session of its own, like the daemons.
  const { stdout } = await run("setsid", ["--wait", program, ...args], {
    env: { ...process.env, CEPH_CONF: configurationOf(layout) },
    timeout: COMMAND_TIMEOUT_MS,
  });
  return stdout;
}

function monitorDirectory({ directory }: CephLayout): string {
  return join(directory, "mon");
}

function configurationOf({ directory }: CephLayout): string {
  return join(directory, "ceph.conf");
}
