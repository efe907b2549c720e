/** Generates pseudo-random numbers in [0, 1) that are the same in every run. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
}

/** Returns the numbers from 0 to `count - 1`, shuffled in the same way in every run. */
export function shuffled(count: number): number[] {
  const next = randomNumbers(1);
  const numbers = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(next() * (last + 1));
    const value = numbers[last] ?? 0;
    numbers[last] = numbers[other] ?? 0;
    numbers[other] = value;
  }
  return numbers;
}
