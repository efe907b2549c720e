import type { ComponentChildren, VNode } from "preact";
import type { Resource } from "../api/use-resource.ts";
import { visible } from "../format/visible.ts";

interface Props<T> {
  readonly of: Resource<T>;
  children(data: T): ComponentChildren;
}

/** Renders loaded data; until then, a loading notice or the reason for the failure. */
export function Loaded<T>({ of: { data, error, busy, reload }, children }: Props<T>): VNode {
  if (data === undefined) {
    return error === undefined ? <Loading /> : <Failure error={error} retry={reload} />;
  }
  return (
    <>
      {error !== undefined && (
        <Failure error={error} retry={reload} note="Showing the last known data." />
      )}
      <div class="loaded" aria-busy={busy}>
        {children(data)}
      </div>
    </>
  );
}

export function Loading(): VNode {
  return (
    <p class="notice" role="status">
      Loading…
    </p>
  );
}

interface FailureProps {
  readonly error: Error;
  readonly note?: string;
  retry(): void;
}

export function Failure({ error, note = "", retry }: FailureProps): VNode {
  return (
    <div class="notice failure" role="alert">
      <p>
        {visible(error.message, true)} {note}
      </p>
      <button type="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

/** A notice shown instead of content. */
export function Empty({ children }: { readonly children: ComponentChildren }): VNode {
  return <p class="notice">{children}</p>;
}
