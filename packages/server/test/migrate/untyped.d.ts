// What tests use of a package that comes without types, beside what the programs use.

declare module "y-leveldb" {
  export class LeveldbPersistence {
    constructor(location: string);
    storeUpdate(name: string, update: Uint8Array): Promise<number>;
    destroy(): Promise<void>;
  }
}
