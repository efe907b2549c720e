import type { Environment } from "./backing-services.ts";
import type { ProcessOptions } from "./managed-process.ts";
import { NODE_ARGS, NODE_ENVIRONMENT } from "./node-options.ts";
import { ProcessService } from "./process-service.ts";
import { serverProgram } from "./server-program.ts";

/** One Symphony server on a free port. */
export class SymphonyServer extends ProcessService {
  readonly #environment: Environment;

  /** @param environment settings other than `HOST`, `PORT` and `DATA_DIR` */
  constructor(environment: Environment) {
    super("server");
    this.#environment = environment;
  }

  /** @throws Error before the first start */
  get url(): string {
    return this.httpUrl;
  }

  protected override async prepare(port: number, directory: string): Promise<ProcessOptions> {
    return {
      command: process.execPath,
      args: [...NODE_ARGS, serverProgram()],
      env: {
        ...NODE_ENVIRONMENT,
        ...this.#environment,
        HOST: "127.0.0.1",
        PORT: String(port),
        DATA_DIR: directory,
      },
      ready: async () => (await fetch(`${this.url}/health/live`)).ok,
    };
  }
}
