import type { Workload } from "./workload.ts";

const MEMBERS_PER_ROOM = 4;

/** Clients that edit together in small rooms, and move their cursors more often than they type. */
export function caseStudyWorkload(clients: number): Workload {
  return {
    rooms: Math.ceil(clients / MEMBERS_PER_ROOM),
    membersPerRoom: MEMBERS_PER_ROOM,
    updatesPerSecond: 1,
    presencePerSecond: 5,
    returnsPresence: true,
  };
}

/** For descriptions. */
export function describeCaseStudy(clients: number | string): string {
  return (
    `${describeWithoutEcho(clients)}, and echoes presence that is new to it to the server if its ` +
    "provider does so, as y-websocket 1 to 3 do."
  );
}

/** The same load from clients that send nothing but their own changes. */
export function caseStudyWithoutEcho(clients: number): Workload {
  return { ...caseStudyWorkload(clients), returnsPresence: false };
}

export function describeCaseStudyWithoutEcho(clients: number): string {
  return (
    `${describeWithoutEcho(clients)}. Clients never echo presence to the server, as those of ` +
    "`@hocuspocus/provider` 4."
  );
}

function describeWithoutEcho(clients: number | string): string {
  return (
    `${clients} clients in rooms of ${MEMBERS_PER_ROOM}. Each sends 1 update and 5 presence changes a ` +
    "second, in shuffled order"
  );
}
