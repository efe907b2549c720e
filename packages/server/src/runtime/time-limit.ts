/**
 * Resolves to whether a task finishes in time. A task that does not is left running.
 *
 * @throws whatever the task rejects with, if it does so in time
 */
export async function within(ms: number, task: Promise<unknown>): Promise<boolean> {
  return (await resultWithin(ms, task)) !== null;
}

/** Like `within`, but resolves to the task's result, or `null` if it does not finish in time. */
export async function resultWithin<T>(
  ms: number,
  task: Promise<T>,
): Promise<{ readonly value: T } | null> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  try {
    return await Promise.race([task.then((value) => ({ value })), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs work with a time limit. When the time is up, aborts its signal and abandons it, even if it does
 * not end.
 *
 * @param late makes the error that says so
 * @throws whatever the work throws in time
 */
export async function withTimeLimit<T>(
  ms: number,
  late: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  const finished = await resultWithin(ms, work(abort.signal));
  if (finished !== null) return finished.value;
  abort.abort();
  throw late();
}
