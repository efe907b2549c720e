/**
 * Frees the memory of byte arrays immediately, instead of waiting for garbage collection. A worker
 * thread allocates little else, so its collector rarely runs, and received bytes would pile up.
 *
 * @param value byte arrays or arrays of them; anything else is ignored. The byte arrays are empty
 *   afterwards, except those in shared memory.
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
 * From this size on, bytes that several threads use are in shared memory, and passed on without a
 * copy. Smaller ones are copied: their memory then comes from the thread that freed what they
 * replace, and the process does not grow by memory that each thread has freed but retains.
 */
export const SHARED_BYTES: number = 1024 * 1024;

export function allocateShared(length: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(length));
}
