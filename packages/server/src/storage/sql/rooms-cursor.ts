import type { RoomSort } from "../metadata.ts";

/** A cursor is not from a page of this list. */
export class InvalidCursorError extends Error {
  override readonly name = "InvalidCursorError";
}

/** The position of a room in a list. */
export interface RoomPosition {
  /** Its sort key; `null` if the list is sorted by name alone. */
  readonly key: number | null;
  readonly name: string;
}

/** Returns text that needs no escaping in a URL. */
export function toCursor(sort: RoomSort, { key, name }: RoomPosition): string {
  return Buffer.from(JSON.stringify([sort, key, name])).toString("base64url");
}

/** @throws InvalidCursorError if `toCursor` did not return it for the same `sort` */
export function fromCursor(sort: RoomSort, cursor: string): RoomPosition {
  const [cursorSort, key, name, ...others] = asArray(cursor);
  if (
    cursorSort !== sort ||
    !(sort === "name" ? key === null : Number.isSafeInteger(key)) ||
    typeof name !== "string" ||
    // PostgreSQL cannot store this character in a text.
    name.includes("\0") ||
    others.length > 0
  ) {
    throw invalid(sort, cursor);
  }
  return { key: key as number | null, name };
}

function asArray(cursor: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    return Array.isArray(value) ? value : [];
  } catch {
    // Rejected like any other cursor with the wrong content.
    return [];
  }
}

function invalid(sort: RoomSort, cursor: string): InvalidCursorError {
  return new InvalidCursorError(
    `"${cursor}" is not a cursor of rooms sorted by ${sort}: start at the first page, without a cursor`,
  );
}
