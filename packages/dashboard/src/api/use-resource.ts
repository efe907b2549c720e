import { type Inputs, useCallback, useEffect, useState } from "preact/hooks";

export interface Resource<T> {
  /** The last data loaded. Stays during a reload and after a failed one. */
  readonly data: T | undefined;
  /** Why the last attempt failed. */
  readonly error: Error | undefined;
  /** True while `data` is out of date: the inputs have changed, or a reload was requested. */
  readonly busy: boolean;
  reload(): void;
}

/**
 * Loads data for a component. Reloads when the inputs change, and `refreshMs` after each attempt.
 *
 * @param refreshMs if omitted, there is no periodic refresh
 */
export function useResource<T>(
  load: (signal: AbortSignal) => Promise<T>,
  inputs: Inputs,
  refreshMs?: number,
): Resource<T> {
  const [state, setState] = useState<Omit<Resource<T>, "reload">>({
    data: undefined,
    error: undefined,
    busy: true,
  });
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const gone = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async (): Promise<void> => {
      try {
        const data = await load(gone.signal);
        if (gone.signal.aborted) return;
        setState({ data, error: undefined, busy: false });
      } catch (thrown) {
        if (gone.signal.aborted) return;
        const error = thrown instanceof Error ? thrown : new Error(String(thrown));
        setState(({ data }) => ({ data, error, busy: false }));
      }
      if (refreshMs !== undefined) timer = setTimeout(run, refreshMs);
    };
    setState((before) => ({ ...before, busy: true }));
    void run();
    return () => {
      gone.abort();
      clearTimeout(timer);
    };
  }, [...inputs, attempt]);

  const reload = useCallback(() => setAttempt((count) => count + 1), []);
  return { ...state, reload };
}
