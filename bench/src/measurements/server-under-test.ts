import type { Contender } from "../contenders/contender.ts";
import { removeDirectory, temporaryDirectory } from "../process/children.ts";
import type { Servers } from "../process/servers.ts";

/** One contender's servers, which a measurement may restart on the same data. */
export class ServerUnderTest {
  readonly #contender: Contender;
  readonly #cpus: string | undefined;
  readonly #dataDirectory = temporaryDirectory();
  #running: Servers | undefined;

  constructor(contender: Contender, cpus: string | undefined) {
    this.#contender = contender;
    this.#cpus = cpus;
  }

  async start(): Promise<Servers> {
    this.#running = await this.#contender.start({
      dataDirectory: this.#dataDirectory,
      cpus: this.#cpus,
    });
    return this.#running;
  }

  /** Stops it gracefully, so that it stores its data, and restarts it. */
  async restart(): Promise<Servers> {
    await this.#running?.stop();
    return this.start();
  }

  /** Kills it, as a crash would, and restarts it on the same data. */
  async crash(): Promise<Servers> {
    await this.#running?.kill();
    return this.start();
  }

  /** Kills it and deletes its data. */
  async discard(): Promise<void> {
    await this.#running?.kill();
    removeDirectory(this.#dataDirectory);
  }
}

/** Runs `work` with a server that is always removed afterwards. */
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
