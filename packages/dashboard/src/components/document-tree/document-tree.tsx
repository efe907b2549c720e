import type { VNode } from "preact";
import type { DocumentJson, Root } from "../../../../server/src/http/api/schemas.ts";
import { formatPlural } from "../../format/numbers.ts";
import { visible } from "../../format/visible.ts";
import { Empty } from "../loaded.tsx";
import { LongText } from "./long-text.tsx";
import { RichText } from "./rich-text.tsx";
import { ValueChildren } from "./value-node.tsx";

/** A document by its root types. */
export function DocumentTree({ roots }: { readonly roots: DocumentJson["roots"] }): VNode {
  const entries = Object.entries(roots);
  if (entries.length === 0) return <Empty>The document is empty.</Empty>;
  return (
    <div class="roots">
      {entries.map(([name, root]) => (
        <details key={name} class="root" open>
          <summary>
            <span class="root-name" dir="auto">
              {name === "" ? "(no name)" : visible(name)}
            </span>
            <span class="root-type">{root.type}</span>
            <span class="size">{sizeOf(root)}</span>
          </summary>
          <RootContent root={root} />
        </details>
      ))}
    </div>
  );
}

function RootContent({ root: { type, value, delta } }: { readonly root: Root }): VNode {
  if (delta !== undefined) return <RichText delta={delta} />;
  if (typeof value === "string") return <LongText text={value} isCode={type === "xml"} />;
  if (typeof value === "object" && value !== null) return <ValueChildren of={value} depth={0} />;
  return <Empty>Empty; its type cannot be determined.</Empty>;
}

function sizeOf({ value }: Root): string {
  if (typeof value === "string") return formatPlural(value.length, "character");
  if (Array.isArray(value)) return formatPlural(value.length, "item");
  if (typeof value === "object" && value !== null) {
    return formatPlural(Object.keys(value).length, "entry", "entries");
  }
  return "";
}
