/** The primary result codes of SQLite that are handled. */
export const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
export const SQLITE_NOTADB = 26;

/** Returns the extended SQLite result code of an error, if SQLite threw it. */
export function engineCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}

/** Returns the result code without its extension. */
export function primaryCode(error: unknown): number | undefined {
  const code = engineCode(error);
  return code === undefined ? undefined : code & 0xff;
}

/**
 * Whether SQLite reports that the file is damaged. It reports the same code if the operating system
 * cannot read the file (EIO).
 */
export function isCorruption(error: unknown): boolean {
  const code = primaryCode(error);
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB;
}
