import type { VNode } from "preact";
import type { Root } from "../../../../server/src/http/api/schemas.ts";
import { visible } from "../../format/visible.ts";
import { useLimit } from "./use-limit.ts";

const PIECES_AT_FIRST = 200;

type Delta = NonNullable<Root["delta"]>;

/** Formatted text: pieces with their attributes, and embedded objects. */
export function RichText({ delta }: { readonly delta: Delta }): VNode {
  const [limit, showMore] = useLimit(PIECES_AT_FIRST);
  const hidden = delta.length - limit;
  return (
    <div class="text">
      <p dir="auto">
        {delta.slice(0, limit).map((piece, index) => (
          <Piece key={index} piece={piece} />
        ))}
      </p>
      {hidden > 0 && (
        <button type="button" class="link" onClick={showMore}>
          Show more ({hidden} pieces hidden)
        </button>
      )}
    </div>
  );
}

function Piece({ piece: { insert, attributes } }: { readonly piece: Delta[number] }): VNode {
  const formats = attributes === undefined ? "" : visible(JSON.stringify(attributes).slice(1, -1));
  const content =
    typeof insert === "string" ? (
      visible(insert, true)
    ) : (
      <code class="embed">{visible(JSON.stringify(insert))}</code>
    );
  if (formats === "") return <span>{content}</span>;
  return (
    <span class="formatted">
      {content}
      <small class="formats">{formats}</small>
    </span>
  );
}
