import type { Contender } from "../contenders/contender.ts";
import { removeDirectory, temporaryDirectory } from "../process/children.ts";
import type { ServerProcess } from "../process/server-process.ts";

/** One contender's server, which a measurement may stop and start again on the same data. */
export class ServerUnderTest {
  readonly #contender: Contender;
  readonly #cpus: string | undefined;
  readonly #dataDirectory = temporaryDirectory();
  #running: ServerProcess | undefined;

  constructor(contender: Contender, cpus: string | undefined) {
    this.#contender = contender;
    this.#cpus = cpus;
  }

  async start(): Promise<ServerProcess> {
    this.#running = await this.#contender.start({
      dataDirectory: this.#dataDirectory,
      cpus: this.#cpus,
    });
    return this.#running;
  }

  /** Stops it properly, so that it saves what it has, and starts it again. */
  async restart(): Promise<ServerProcess> {
    await this.#running?.stop();
    return this.start();
  }

  /** Kills it and removes its data. */
  async discard(): Promise<void> {
    await this.#running?.kill();
    removeDirectory(this.#dataDirectory);
  }
}

/** Runs `work` with a server that is gone afterwards, whatever happens. */
export async function withServer<Result>(
  contender: Contender,
  cpus: string | undefined,
  work: (server: ServerUnderTest) => Promise<Result>,
): Promise<Result> {
  const server = new ServerUnderTest(contender, cpus);
  try {
    return await work(server);
  } finally {
    await server.discard();
  }
}
