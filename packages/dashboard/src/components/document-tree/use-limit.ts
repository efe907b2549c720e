import { useState } from "preact/hooks";

const GROWTH = 4;

/** Limits how much of a possibly huge value is shown, and returns a function that raises the limit. */
export function useLimit(first: number): [limit: number, showMore: () => void] {
  const [limit, setLimit] = useState(first);
  return [limit, () => setLimit(limit * GROWTH)];
}
