import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { visible } from "../../format/visible.ts";
import type { JsonValue } from "./json-value.ts";
import { LongText } from "./long-text.tsx";
import { useLimit } from "./use-limit.ts";

const CHILDREN_AT_FIRST = 100;
/** Deeper or larger nodes are initially collapsed. */
const OPEN_DEPTH = 1;
const OPEN_CHILDREN = 20;
const SHORT_TEXT = 120;

interface ChildrenProps {
  readonly of: { readonly [key: string]: JsonValue } | readonly JsonValue[];
  readonly depth: number;
}

/** The entries of an array or map, truncated until the user asks for more. */
export function ValueChildren({ of, depth }: ChildrenProps): VNode {
  const [limit, showMore] = useLimit(CHILDREN_AT_FIRST);
  const entries = Object.entries(of);
  const hidden = entries.length - limit;
  return (
    <ul class="tree">
      {entries.slice(0, limit).map(([label, value]) => (
        <li key={label}>
          <ValueNode label={label} value={value} depth={depth} />
        </li>
      ))}
      {hidden > 0 && (
        <li>
          <button type="button" class="link" onClick={showMore}>
            Show more ({hidden} hidden)
          </button>
        </li>
      )}
    </ul>
  );
}

interface NodeProps {
  readonly label: string;
  readonly value: JsonValue;
  readonly depth: number;
}

function ValueNode({ label, value, depth }: NodeProps): VNode {
  if (typeof value === "object" && value !== null) {
    return <Branch label={label} value={value} depth={depth} />;
  }
  if (typeof value === "string" && value.length > SHORT_TEXT) {
    return (
      <>
        <Label text={label} />
        <LongText text={value} />
      </>
    );
  }
  return (
    <>
      <Label text={label} />
      <span class="value" data-type={value === null ? "null" : typeof value} dir="auto">
        {visible(JSON.stringify(value))}
      </span>
    </>
  );
}

function Branch({
  label,
  value,
  depth,
}: NodeProps & { readonly value: ChildrenProps["of"] }): VNode {
  const count = Object.keys(value).length;
  const [open, setOpen] = useState(depth < OPEN_DEPTH && count <= OPEN_CHILDREN);
  return (
    <details open={open} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>
        <Label text={label} />
        <span class="size">{Array.isArray(value) ? `[${count}]` : `{${count}}`}</span>
      </summary>
      {open && <ValueChildren of={value} depth={depth + 1} />}
    </details>
  );
}

function Label({ text }: { readonly text: string }): VNode {
  return (
    <span class="key" dir="auto">
      {visible(text)}
    </span>
  );
}
