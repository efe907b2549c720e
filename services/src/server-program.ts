import { fileURLToPath } from "node:url";

/** Names the file of the server's program, if it is not to run from its source. */
export const PROGRAM_VARIABLE = "SYMPHONY_SERVER_PROGRAM";

const SOURCE = fileURLToPath(new URL("../../packages/server/src/cli.ts", import.meta.url));

/** The file of the server's program. */
export function serverProgram(): string {
  return process.env[PROGRAM_VARIABLE] ?? SOURCE;
}
