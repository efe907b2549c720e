/** A row that the crash test stores: one of the `size` rows of an append. */
export interface Entry {
  readonly batch: number;
  readonly index: number;
  readonly size: number;
}

const BYTES = 12;

export function encodeEntries(entries: readonly Entry[]): Uint8Array {
  const numbers = entries.flatMap(({ batch, index, size }) => [batch, index, size]);
  return new Uint8Array(Uint32Array.from(numbers).buffer);
}

export function decodeEntries(update: Uint8Array): Entry[] {
  const numbers = new Uint32Array(update.slice().buffer);
  return Array.from({ length: update.length / BYTES }, (_, at) => {
    const [batch = 0, index = 0, size = 0] = numbers.subarray(3 * at);
    return { batch, index, size };
  });
}

/** Concatenates updates, dropping duplicate entries. */
export function merged(updates: readonly Uint8Array[]): Uint8Array {
  const entries = updates.flatMap(decodeEntries);
  const unique = new Map(entries.map((entry) => [`${entry.batch}/${entry.index}`, entry]));
  return encodeEntries([...unique.values()]);
}
