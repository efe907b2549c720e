import type { ComponentChildren, VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { visible } from "../format/visible.ts";

interface Props {
  readonly title: string;
  /** Whether the title is a user-chosen name. */
  readonly isName?: boolean;
  /** Above the title. */
  readonly above?: ComponentChildren;
  /** Next to the title. */
  readonly beside?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** On the initial page load, focus is left to the browser. */
let isFirst = true;

/** One view. Its heading takes the focus, so that screen readers announce the new view. */
export function Page({ title, isName = false, above, beside, children }: Props): VNode {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!isFirst) heading.current?.focus();
    isFirst = false;
  }, []);
  useEffect(() => {
    document.title = `${visible(title)} · Symphony`;
  }, [title]);
  return (
    <>
      {above}
      <div class="page-head">
        <h1 ref={heading} tabIndex={-1} class={isName ? "name" : ""} dir="auto">
          {visible(title)}
        </h1>
        {beside}
      </div>
      {children}
    </>
  );
}
