// What these programs use of two packages that come without types.

declare module "level" {
  export interface Level {
    close(): Promise<void>;
  }
  export default function level(
    location: string,
    options: { createIfMissing: boolean; keyEncoding: unknown; valueEncoding: string },
    opened: (error: Error | null | undefined, database: Level) => void,
  ): Level;
}

declare module "y-leveldb" {
  import type { Level } from "level";
  export const keyEncoding: unknown;
  /** The keys of all documents: the second part is the name. */
  export function getAllDocs(
    database: Level,
    values: false,
    keys: true,
  ): Promise<[kind: string, name: string][]>;
  export function getLevelUpdates(database: Level, name: string): Promise<Buffer[]>;
}
