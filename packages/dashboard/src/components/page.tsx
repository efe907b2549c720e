import type { ComponentChildren, VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { visible } from "../format/visible.ts";

interface Props {
  readonly title: string;
  /** The title is a name that somebody chose. */
  readonly isName?: boolean;
  /** Above the title. */
  readonly above?: ComponentChildren;
  /** Beside the title. */
  readonly beside?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** The focus of a page that was just loaded is the browser's affair. */
let isFirst = true;

/** One view: its heading takes the focus, so that a screen reader says where one has come. */
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
