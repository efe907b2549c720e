import { DOCUMENT_BYTES, measureDocumentMemory, WHEN_MEASURED } from "./document-memory.ts";
import type { Figures, Measurement, RunContext } from "./measurement.ts";

export const openDocuments: Measurement = {
  name: "open-documents",
  title: "Open documents",
  columns: [
    { key: "written", label: "memory ÷ encoded size, after writing", digits: 2, compared: true },
    { key: "loaded", label: "memory ÷ encoded size, loaded from the store", digits: 2 },
    { key: "perDocument", label: "KiB per document, after writing", digits: 1 },
  ],
  bars: [
    {
      text: "memory of an open document at most 1.5 times its encoded size, after writing",
      column: "written",
      of: "value",
      atMost: 1.5,
    },
    {
      text: "memory of an open document at most 1.5 times its encoded size, loaded from the store",
      column: "loaded",
      of: "value",
      atMost: 1.5,
    },
  ],
  minimumRuns: 1,
  takesPart: (contender) => contender.keepsState,
  describe: (settings) =>
    `${settings.documents} open documents of ${DOCUMENT_BYTES / 1000} KB with one client each. The same ` +
    `connections to empty rooms are subtracted, so the figure covers the documents alone. ${WHEN_MEASURED}`,
  run: async (context: RunContext): Promise<Figures> => {
    const { documents } = context.settings;
    const memory = await measureDocumentMemory(context, documents);
    const { encoded, connections, written, loaded } = memory;
    return {
      written: (written - connections) / encoded,
      loaded: loaded === undefined ? undefined : (loaded - connections) / encoded,
      perDocument: (written - connections) / documents / 1024,
    };
  },
};
