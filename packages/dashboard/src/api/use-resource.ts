import { type Inputs, useCallback, useEffect, useState } from "preact/hooks";

export interface Resource<T> {
  /** The newest that was loaded, also while more is loaded or after that failed. */
  readonly data: T | undefined;
  /** Why the last attempt failed. */
  readonly error: Error | undefined;
  /** Something other than `data` has been asked for. */
  readonly busy: boolean;
  reload(): void;
}

/**
 * Loads something for a component, again when the inputs change, and again a while after each answer.
 *
 * @param refreshMs without it, only once
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
