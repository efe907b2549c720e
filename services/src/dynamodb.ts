import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dynamoDbLocalDirectory } from "./dynamodb-local.ts";
import { freePort } from "./free-ports.ts";
import { ManagedProcess } from "./managed-process.ts";
import type { Service } from "./service.ts";

interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

const ANSWER_TIMEOUT_MS = 1_000;

/**
 * A program that speaks the protocol of DynamoDB, with its tables in files. It takes any region and
 * any credentials, but not none.
 */
class DynamoDbProcess implements Service {
  readonly #program: (port: number, directory: string) => Promise<Program>;
  #port: number | undefined;
  #directory: string | undefined;
  #process: ManagedProcess | undefined;

  constructor(program: (port: number, directory: string) => Promise<Program>) {
    this.#program = program;
  }

  /** For `AWS_ENDPOINT_URL_DYNAMODB`. @throws Error before the first start */
  get endpoint(): string {
    if (this.#port === undefined) throw new Error("DynamoDB was never started");
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    this.#process ??= await this.#prepare();
    await this.#process.start();
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  pause(): void {
    this.#process?.signal("SIGSTOP");
  }

  resume(): void {
    this.#process?.signal("SIGCONT");
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
    this.#process = undefined;
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true });
  }

  async #prepare(): Promise<ManagedProcess> {
    this.#port ??= await freePort();
    this.#directory = await mkdtemp(join(tmpdir(), "symphony-dynamodb-"));
    return new ManagedProcess({
      ...(await this.#program(this.#port, this.#directory)),
      cwd: this.#directory,
      ready: async () => {
        // Any answer will do: one of them calls this a bad request.
        await fetch(this.endpoint, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
        return true;
      },
    });
  }
}

/** DynamoDB in a Node process. Starts fast; it has no transactions, and items do not expire. */
export class Dynalite extends DynamoDbProcess {
  constructor() {
    super(async (port, directory) => ({
      command: process.execPath,
      args: [
        createRequire(import.meta.url).resolve("dynalite/cli.js"),
        ...["--host", "127.0.0.1", "--port", String(port)],
        ...["--path", join(directory, "tables"), "--createTableMs", "100"],
      ],
    }));
  }
}

/**
 * The DynamoDB that AWS gives to developers: more faithful, and slower. It needs Java, and listens on
 * all addresses of this machine, because it cannot be told otherwise.
 */
export class DynamoDbLocal extends DynamoDbProcess {
  constructor() {
    super(async (port, directory) => {
      const program = await dynamoDbLocalDirectory();
      return {
        command: "java",
        args: [
          `-Djava.library.path=${join(program, "DynamoDBLocal_lib")}`,
          // It is started often and lives for seconds: what the better compiler costs never pays.
          "-XX:TieredStopAtLevel=1",
          ...["-jar", join(program, "DynamoDBLocal.jar")],
          // Not in memory: tables must be there again after a kill.
          ...["-dbPath", directory, "-sharedDb", "-disableTelemetry", "-port", String(port)],
        ],
      };
    });
  }
}
