import type { VNode } from "preact";
import { formatCount } from "../../format/numbers.ts";
import { visible } from "../../format/visible.ts";
import { useLimit } from "./use-limit.ts";

const CHARACTERS_AT_FIRST = 4_000;

interface Props {
  readonly text: string;
  readonly isCode?: boolean;
}

/** Plain text, truncated until the user asks for more. */
export function LongText({ text, isCode = false }: Props): VNode {
  const [limit, showMore] = useLimit(CHARACTERS_AT_FIRST);
  const hidden = text.length - limit;
  return (
    <div class={isCode ? "text code" : "text"}>
      <p dir="auto">{visible(text.slice(0, limit), true)}</p>
      {hidden > 0 && (
        <button type="button" class="link" onClick={showMore}>
          Show more ({formatCount(hidden)} characters hidden)
        </button>
      )}
    </div>
  );
}
