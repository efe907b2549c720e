import { execFile } from "node:child_process";
import { chown, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ProcessOptions } from "./managed-process.ts";
import { ProcessService } from "./process-service.ts";

const run = promisify(execFile);

export interface PgBouncerOptions {
  readonly poolMode: "session" | "transaction" | "statement";
  /** Further settings, by their names in `pgbouncer.ini`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A pooler in front of a PostgreSQL on this machine. */
export class PgBouncer extends ProcessService {
  readonly #database: () => string;
  readonly #options: PgBouncerOptions;

  /** @param database returns the URL of the PostgreSQL server; called when the pooler starts */
  constructor(database: () => string, options: PgBouncerOptions) {
    super("pgbouncer");
    this.#database = database;
    this.#options = options;
  }

  /** The URL of the same database, through the pooler. */
  through(url: string): string {
    const pooled = new URL(url);
    pooled.port = String(this.port);
    return pooled.href;
  }

  protected override async prepare(port: number, directory: string): Promise<ProcessOptions> {
    const { hostname, port: databasePort, username } = new URL(this.#database());
    const settings = {
      listen_addr: "127.0.0.1",
      listen_port: String(port),
      unix_socket_dir: "",
      // Every client becomes the one user that the database has.
      auth_type: "any",
      pool_mode: this.#options.poolMode,
      ignore_startup_parameters: "extra_float_digits",
      ...this.#options.settings,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
    const databases = `* = host=${hostname} port=${databasePort} user=${username}`;
    const file = join(directory, "pgbouncer.ini");
    await writeFile(file, ["[databases]", databases, "[pgbouncer]", ...lines, ""].join("\n"));
    return {
      ...(await asOtherUser(directory, file)),
      ready: () => accepts(port),
    };
  }
}

/** PgBouncer refuses to run as root. */
async function asOtherUser(directory: string, file: string) {
  if (process.getuid?.() !== 0) return { command: "pgbouncer", args: [file] };
  const { stdout } = await run("id", ["-u", "postgres"]);
  await chown(directory, Number(stdout), -1);
  const user = ["--pdeathsig", "KILL", "--reuid=postgres", "--regid=postgres", "--clear-groups"];
  return { command: "setpriv", args: [...user, "pgbouncer", file] };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });
}
