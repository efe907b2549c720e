import type { ComponentChildren, VNode } from "preact";

export interface Fact {
  readonly label: string;
  readonly value: ComponentChildren;
  readonly detail?: ComponentChildren;
}

/** A row of labelled figures. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }): VNode {
  return (
    <dl class="facts">
      {facts.map(({ label, value, detail }) => (
        <div key={label} class="fact">
          <dt>{label}</dt>
          <dd>
            <span class="fact-value">{value}</span>
            <span class="fact-detail">{detail}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
