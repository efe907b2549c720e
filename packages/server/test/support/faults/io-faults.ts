import { execFile } from "node:child_process";
import { type FileHandle, mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The faults to inject. Operations not named succeed. */
export interface Faults {
  /** Every write fails with this error. */
  readonly writes?: "ENOSPC" | "EIO";
  /** Every read fails with this error. */
  readonly reads?: "EIO";
  /** Every fsync and fdatasync fails with this error. */
  readonly syncs?: "EIO";
  /** Every fsync and fdatasync takes this much longer; the delay ends early when the fault is cleared. */
  readonly syncDelayMs?: number;
  /** Only files whose absolute path contains this; otherwise every regular file. */
  readonly path?: string;
}

/** How often a fault has been injected so far, in all processes together. */
export interface InjectedFaults {
  readonly failedWrites: number;
  readonly failedReads: number;
  readonly failedSyncs: number;
  readonly delayedSyncs: number;
}

// The layout of the control file: see `struct control` in io-faults.c.
const FAULTS_AT = 0;
const COUNTERS_AT = 16;
const PATH_AT = 32;
const PATH_BYTES = 480;
const CONTROL_BYTES = PATH_AT + PATH_BYTES;

/**
 * Real I/O faults for a child process, switched on and off while it runs.
 *
 * ```ts
 * const faults = await IoFaults.prepare();
 * const child = fork(program, { env: { ...process.env, ...faults.env } });
 * await faults.set({ writes: "ENOSPC", path: "journal.db" }); // the disk is full
 * await faults.clear(); // there is space again
 * await faults.dispose(); // after the child has ended
 * ```
 *
 * A small library (io-faults.c, compiled here with gcc) is loaded into the child and intercepts read,
 * write, fsync and related calls. It reads a memory-mapped control file, so a call without a fault costs
 * almost nothing, and a change takes effect with the next call, in every thread and every process that
 * inherited the environment. Sockets, pipes and terminals are never affected.
 */
export class IoFaults {
  /** Variables to add to the child's environment. */
  readonly env: { readonly LD_PRELOAD: string; readonly IO_FAULTS_CONTROL: string };
  readonly #directory: string;
  readonly #control: FileHandle;

  private constructor(directory: string, library: string, path: string, control: FileHandle) {
    this.env = { LD_PRELOAD: library, IO_FAULTS_CONTROL: path };
    this.#directory = directory;
    this.#control = control;
  }

  /** Compiles the library. @throws Error if gcc is missing */
  static async prepare(): Promise<IoFaults> {
    const directory = await mkdtemp(join(tmpdir(), "io-faults-"));
    const source = fileURLToPath(new URL("./io-faults.c", import.meta.url));
    const library = join(directory, "io-faults.so");
    await promisify(execFile)("gcc", ["-shared", "-fPIC", "-O1", "-Wall", "-o", library, source]);
    const path = join(directory, "control");
    await writeFile(path, "");
    await truncate(path, CONTROL_BYTES);
    return new IoFaults(directory, library, path, await open(path, "r+"));
  }

  /** Replaces the current faults. */
  async set(faults: Faults): Promise<void> {
    const path = Buffer.alloc(PATH_BYTES);
    if (path.write(faults.path ?? "") >= PATH_BYTES) throw new Error("The path is too long.");
    // A fault must not apply to a path that was meant for another.
    await this.clear();
    await this.#control.write(path, 0, PATH_BYTES, PATH_AT);
    const values = Uint32Array.of(
      errnoOf(faults.writes),
      errnoOf(faults.reads),
      errnoOf(faults.syncs),
      faults.syncDelayMs ?? 0,
    );
    await this.#control.write(values, 0, values.byteLength, FAULTS_AT);
  }

  /** Clears all faults. */
  async clear(): Promise<void> {
    await this.#control.write(Buffer.alloc(COUNTERS_AT - FAULTS_AT), 0, null, FAULTS_AT);
  }

  async injected(): Promise<InjectedFaults> {
    const counters = new Uint32Array(4);
    await this.#control.read(counters, 0, counters.byteLength, COUNTERS_AT);
    const [failedWrites = 0, failedReads = 0, failedSyncs = 0, delayedSyncs = 0] = counters;
    return { failedWrites, failedReads, failedSyncs, delayedSyncs };
  }

  /** Removes the library and the control file. */
  async dispose(): Promise<void> {
    await this.#control.close();
    await rm(this.#directory, { recursive: true });
  }
}

function errnoOf(name: "ENOSPC" | "EIO" | undefined): number {
  return name === undefined ? 0 : constants.errno[name];
}
