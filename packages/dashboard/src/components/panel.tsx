import type { ComponentChildren, VNode } from "preact";
import { useId } from "preact/hooks";

interface Props {
  readonly title: string;
  /** Next to the title. */
  readonly beside?: ComponentChildren;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** A titled section of a page. */
export function Panel({ title, beside, children, ...props }: Props): VNode {
  const id = useId();
  return (
    <section class={`panel ${props.class ?? ""}`} aria-labelledby={id}>
      <div class="panel-head">
        <h2 id={id}>{title}</h2>
        {beside}
      </div>
      {children}
    </section>
  );
}
