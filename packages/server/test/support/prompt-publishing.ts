import type { RoomServices } from "../../src/room/room-services.ts";

/** Publishes to other servers at once, so that a test decides when. */
export const PROMPT_PUBLISHING: RoomServices["publishing"] = {
  schedule: (room) => room.flush(),
  scheduleAwareness: (room) => room.flush(),
};
