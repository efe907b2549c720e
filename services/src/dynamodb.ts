import { createRequire } from "node:module";
import { join } from "node:path";
import { dynamoDbLocalDirectory } from "./dynamodb-local.ts";
import type { ProcessOptions } from "./managed-process.ts";
import { ProcessService } from "./process-service.ts";

interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

const ANSWER_TIMEOUT_MS = 1_000;

/**
 * A program that speaks the DynamoDB protocol, with its tables in files. It accepts any region and
 * any credentials, but requires both.
 */
class DynamoDbProcess extends ProcessService {
  readonly #program: (port: number, directory: string) => Promise<Program>;

  constructor(program: (port: number, directory: string) => Promise<Program>) {
    super("dynamodb");
    this.#program = program;
  }

  /** For `AWS_ENDPOINT_URL_DYNAMODB`. @throws Error before the first start */
  get endpoint(): string {
    return this.httpUrl;
  }

  protected override async prepare(port: number, directory: string): Promise<ProcessOptions> {
    return {
      ...(await this.#program(port, directory)),
      cwd: directory,
      ready: async () => {
        // Any response will do: one of the programs answers 400.
        await fetch(this.endpoint, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
        return true;
      },
    };
  }
}

/** DynamoDB in a Node process. Starts fast, but has no transactions, and items do not expire. */
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
 * The DynamoDB that AWS provides to developers: more faithful, but slower. It needs Java, and
 * listens on all addresses of this machine, because this cannot be configured.
 */
export class DynamoDbLocal extends DynamoDbProcess {
  constructor() {
    super(async (port, directory) => {
      const program = await dynamoDbLocalDirectory();
      return {
        command: "java",
        args: [
          `-Djava.library.path=${join(program, "DynamoDBLocal_lib")}`,
          // It starts often and lives for seconds, so the optimizing compiler never pays off.
          "-XX:TieredStopAtLevel=1",
          ...["-jar", join(program, "DynamoDBLocal.jar")],
          // Not in memory: tables must survive a kill.
          ...["-dbPath", directory, "-sharedDb", "-disableTelemetry", "-port", String(port)],
        ],
      };
    });
  }
}
