import { useState } from "preact/hooks";

const GROWTH = 4;

/** How much is shown of something that may be endless, and what shows more of it. */
export function useLimit(first: number): [limit: number, showMore: () => void] {
  const [limit, setLimit] = useState(first);
  return [limit, () => setLimit(limit * GROWTH)];
}
