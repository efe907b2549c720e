/** The primary result codes of SQLite that are told apart. */
export const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
export const SQLITE_NOTADB = 26;

/** The extended result code of SQLite that an error carries, if SQLite threw it. */
export function engineCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}

/** The result code without its extension. */
export function primaryCode(error: unknown): number | undefined {
  const code = engineCode(error);
  return code === undefined ? undefined : code & 0xff;
}

/**
 * True when SQLite says that the file is damaged. It says so as well, with the same code, when the
 * operating system cannot read the file (EIO).
 */
export function isCorruption(error: unknown): boolean {
  const code = primaryCode(error);
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB;
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
