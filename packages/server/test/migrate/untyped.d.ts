// Types for a package without its own: what the tests use, in addition to what the programs use.

declare module "y-leveldb" {
  export class LeveldbPersistence {
    constructor(location: string);
    storeUpdate(name: string, update: Uint8Array): Promise<number>;
    destroy(): Promise<void>;
  }
}
