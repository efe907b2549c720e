import { symphony } from "../contenders/symphony.ts";
import { DOCUMENT_BYTES, measureDocumentMemory, WHEN_MEASURED } from "./document-memory.ts";
import type { Figures, Measurement, RunContext } from "./measurement.ts";

const ALLOWED_PER_ENCODED_BYTE = 1.5;
const ALLOWED_PER_ROOM = 8_000;

export const manyRooms: Measurement = {
  name: "many-rooms",
  title: "Many rooms",
  columns: [
    { key: "written", label: "KB per room, after writing", digits: 1 },
    { key: "loaded", label: "KB per room, loaded from the store", digits: 1 },
    { key: "writtenShare", label: "÷ allowed, after writing", digits: 2 },
    { key: "loadedShare", label: "÷ allowed, loaded", digits: 2 },
  ],
  bars: [
    {
      text: "at most 1.5 × the encoded bytes and 8 KB a room, after writing",
      column: "writtenShare",
      of: "value",
      atMost: 1,
    },
    {
      text: "at most 1.5 × the encoded bytes and 8 KB a room, loaded from the store",
      column: "loadedShare",
      of: "value",
      atMost: 1,
    },
  ],
  minimumRuns: 1,
  takesPart: ({ name }) => name === symphony.name,
  describe: (settings) =>
    `${settings.rooms} open documents of ${DOCUMENT_BYTES / 1000} KB with one client each: memory of the ` +
    "rooms, documents and connections. The limit is 1.5 times the encoded size of the documents, plus " +
    `8 KB per room. ${WHEN_MEASURED} @y/websocket-server would need several gigabytes and does not take ` +
    "part.",
  run: async (context: RunContext): Promise<Figures> => {
    const { rooms } = context.settings;
    const { encoded, written, loaded } = await measureDocumentMemory(context, rooms);
    const allowed = encoded * ALLOWED_PER_ENCODED_BYTE + rooms * ALLOWED_PER_ROOM;
    return {
      written: written / rooms / 1000,
      loaded: loaded === undefined ? undefined : loaded / rooms / 1000,
      writtenShare: written / allowed,
      loadedShare: loaded === undefined ? undefined : loaded / allowed,
    };
  },
};
