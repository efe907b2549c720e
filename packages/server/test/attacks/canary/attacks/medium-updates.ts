import type { Attack } from "../attack.ts";
import { fillRooms } from "./many-large-documents.ts";

/** Each update is small enough for the event loop, and together they are more than the disk takes. */
export const attack: Attack = {
  name: "medium updates",
  connections: [100],
  run: fillRooms(15 * 1024),
};
