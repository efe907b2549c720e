import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/**
 * A package that contains DynamoDB Local unchanged. Its licence allows using it, but not
 * redistributing it.
 */
const PACKAGE = "amplify-dynamodb-simulator";
const VERSION = "2.9.30";
const SHA512 =
  "xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ==";
/** The program's folder in the package. */
const FOLDER = "package/emulator";

const run = promisify(execFile);

/**
 * Returns the directory of `DynamoDBLocal.jar`, which is downloaded once, into the user's cache.
 *
 * @throws Error if it cannot be downloaded, or its hash has changed
 */
export async function dynamoDbLocalDirectory(): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "symphony-services");
  const directory = join(cache, `dynamodb-local-${VERSION}`);
  if (existsSync(directory)) return directory;
  await mkdir(cache, { recursive: true });
  const temporary = await mkdtemp(join(cache, "download-"));
  try {
    await download(temporary);
    await putInPlace(join(temporary, FOLDER), directory);
  } finally {
    await rm(temporary, { recursive: true });
  }
  return directory;
}

async function download(directory: string): Promise<void> {
  await run("npm", ["pack", "--loglevel=error", `${PACKAGE}@${VERSION}`], { cwd: directory });
  const archive = join(directory, `${PACKAGE}-${VERSION}.tgz`);
  const hash = createHash("sha512")
    .update(await readFile(archive))
    .digest("base64");
  if (hash !== SHA512) throw new Error(`${PACKAGE}@${VERSION} does not have the expected hash`);
  await run("tar", ["xzf", archive, "-C", directory, FOLDER]);
}

/** If another process has downloaded it at the same time, its copy is used. */
async function putInPlace(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}
