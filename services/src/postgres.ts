import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "./free-ports.ts";
import { ManagedProcess } from "./managed-process.ts";
import type { Service } from "./service.ts";

const run = promisify(execFile);

/** Where Debian installs PostgreSQL, with one directory per version. */
const VERSIONS = "/usr/lib/postgresql";
const USER = "postgres";
const HOST = "127.0.0.1";
const POLL_MS = 5;

export interface PostgresOptions {
  /** False is faster, for data that need not survive a crash of the machine. Default: true. */
  readonly fsync?: boolean;
  /** Further settings, by their names in `postgresql.conf`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** PostgreSQL. Anyone on this machine may use it, without a password. */
export class Postgres implements Service {
  readonly #settings: Readonly<Record<string, string>>;
  #port = 0;
  #directory: string | undefined;
  #server: ManagedProcess | undefined;

  constructor({ fsync = true, settings = {} }: PostgresOptions = {}) {
    this.#settings = {
      listen_addresses: HOST,
      unix_socket_directories: "",
      fsync: fsync ? "on" : "off",
      ...settings,
    };
  }

  /** The URL of the default database. */
  get url(): string {
    return this.#urlOf("postgres");
  }

  /** The data directory; it may belong to another user. */
  get directory(): string {
    if (this.#directory === undefined) throw new Error("PostgreSQL was never started");
    return this.#directory;
  }

  /** Creates an empty database. @returns its URL */
  async createDatabase(name: string): Promise<string> {
    await run(program("createdb"), [...this.#address(), "--username", USER, "--", name]);
    return this.#urlOf(name);
  }

  async start(): Promise<void> {
    if (this.#directory === undefined) {
      this.#directory = await createDataDirectory();
      this.#port = await freePort();
    }
    const settings = Object.entries(this.#settings).flatMap(([name, value]) => [
      "-c",
      `${name}=${value}`,
    ]);
    const [command, ...args] = asUser(program("postgres"), "-D", this.#directory, ...settings);
    this.#server = new ManagedProcess({
      command,
      args: [...args, "-p", String(this.#port)],
      ready: async () => {
        await run(program("pg_isready"), this.#address());
        return true;
      },
    });
    await this.#server.start();
  }

  /** Also kills the backends, which would otherwise outlive the server for a moment. */
  async kill(): Promise<void> {
    // A frozen server starts no more backends.
    this.#server?.signal("SIGSTOP");
    const backends = this.#backends();
    for (const pid of backends) signal(pid, "SIGKILL");
    await this.#server?.kill();
    while (backends.some(isRunning)) await sleep(POLL_MS);
  }

  pause(): void {
    this.#server?.signal("SIGSTOP");
    for (const pid of this.#backends()) signal(pid, "SIGSTOP");
  }

  resume(): void {
    for (const pid of this.#backends()) signal(pid, "SIGCONT");
    this.#server?.signal("SIGCONT");
  }

  async stop(): Promise<void> {
    this.resume();
    // SIGINT requests a fast shutdown, which does not wait for clients to disconnect.
    await this.#server?.stop("SIGINT");
    this.#server = undefined;
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true });
    this.#directory = undefined;
  }

  #urlOf(database: string): string {
    return `postgres://${USER}@${HOST}:${this.#port}/${encodeURIComponent(database)}`;
  }

  #address(): readonly string[] {
    return ["--host", HOST, "--port", String(this.#port)];
  }

  /** The child processes of the server. */
  #backends(): readonly number[] {
    const pid = this.#server?.pid;
    if (pid === undefined) return [];
    try {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
      return children.split(" ").filter(Boolean).map(Number);
    } catch {
      // It has exited in the meantime.
      return [];
    }
  }
}

async function createDataDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "symphony-postgres-"));
  if (isRoot()) await run("chown", [`${USER}:`, directory]);
  // A linguistic collation, as in most databases, reveals code that wrongly relies on byte order.
  const locale = ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"];
  const access = ["--username", USER, "--auth", "trust"];
  const [command, ...args] = asUser(program("initdb"), "--no-sync", "--encoding=UTF8");
  await run(command, [...args, ...locale, ...access, "-D", directory]);
  return directory;
}

/**
 * Builds a command line that does not run as root, which PostgreSQL refuses. `setpriv` replaces
 * itself with the command, so there is no process in between.
 */
function asUser(command: string, ...args: readonly string[]): [string, ...string[]] {
  if (!isRoot()) return [command, ...args];
  // Changing the user clears the parent-death signal, so it is set again.
  const options = ["--pdeathsig", "KILL", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups"];
  return ["setpriv", ...options, command, ...args];
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The path of a program of the newest installed version. */
function program(name: string): string {
  const newest = Math.max(...readdirSync(VERSIONS).map(Number).filter(Number.isInteger));
  return join(VERSIONS, String(newest), "bin", name);
}

function signal(pid: number, name: NodeJS.Signals): void {
  if (isRunning(pid)) process.kill(pid, name);
}

function isRunning(pid: number): boolean {
  try {
    // The state follows the name in parentheses. A zombie no longer runs; it only waits to be
    // reaped.
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    // There is no such process.
    return false;
  }
}
