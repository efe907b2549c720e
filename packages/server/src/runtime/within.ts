/**
 * Whether a task is done in time. What becomes of it later is for others to care about.
 *
 * @throws what the task rejects with, when it does so in time
 */
export async function within(ms: number, task: Promise<unknown>): Promise<boolean> {
  return (await resultWithin(ms, task)) !== null;
}

/** What a task gives; `null` when it is not done in time. Otherwise as `within`. */
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
