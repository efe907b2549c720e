/**
 * Gives the memory of byte arrays back at once, instead of when the collector comes to them. A worker
 * thread allocates little else, so its collector comes rarely, and what it was sent would pile up.
 *
 * @param value byte arrays, arrays of them, or anything else, which is left alone. The byte arrays
 *   are empty afterwards; shared memory stays as it is.
 */
export function releaseBytes(value: unknown): void {
  if (Array.isArray(value)) {
    for (const one of value) releaseBytes(one);
  } else if (value instanceof Uint8Array) {
    const { buffer } = value;
    if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
  }
}

/**
 * From this size on, bytes that several threads work on lie in shared memory, so that they are passed
 * on without a copy. Smaller ones are copied: then they are allocated where what they replace was
 * freed, and the process does not grow by what each thread has freed and keeps.
 */
export const SHARED_BYTES: number = 1024 * 1024;

export function allocateShared(length: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(length));
}
