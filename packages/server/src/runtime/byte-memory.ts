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

/**
 * Prepares bytes for another thread without detaching them from their owner: shared memory stays
 * shared, and the rest is copied once, into a single buffer to transfer.
 *
 * Posting a small update directly would copy the whole buffer that it is a view of.
 */
export function handOver(views: readonly Uint8Array[]): {
  readonly views: readonly Uint8Array[];
  readonly transfer: readonly ArrayBuffer[];
} {
  const isShared = (view: Uint8Array) => view.buffer instanceof SharedArrayBuffer;
  const size = views.reduce((sum, view) => sum + (isShared(view) ? 0 : view.byteLength), 0);
  if (size === 0) return { views, transfer: [] };
  const copy = new Uint8Array(size);
  let end = 0;
  const handed = views.map((view) => {
    if (isShared(view)) return view;
    copy.set(view, end);
    end += view.byteLength;
    return copy.subarray(end - view.byteLength, end);
  });
  return { views: handed, transfer: [copy.buffer] };
}
