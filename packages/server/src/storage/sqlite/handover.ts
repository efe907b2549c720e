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
