import type { VNode } from "preact";
import { readDocument } from "../../api/rooms.ts";
import { useResource } from "../../api/use-resource.ts";
import { DocumentTree } from "../../components/document-tree/document-tree.tsx";
import { Loaded } from "../../components/loaded.tsx";
import { Panel } from "../../components/panel.tsx";

/** The document at the time it was read. Reading it does not open the room. */
export function StoredDocument({ room }: { readonly room: string }): VNode {
  const read = useResource((signal) => readDocument(room, signal), []);
  return (
    <Panel
      title="Document"
      beside={
        <button type="button" onClick={read.reload} disabled={read.busy}>
          Reload
        </button>
      }
    >
      <Loaded of={read}>{({ roots }) => <DocumentTree roots={roots} />}</Loaded>
    </Panel>
  );
}
