/** What the members of many equal rooms do. The same workload offers every contender exactly the same. */
export interface Workload {
  readonly rooms: number;
  readonly membersPerRoom: number;
  /** Each member, whole numbers. */
  readonly updatesPerSecond: number;
  /** Each member, whole numbers; 0 means that members have no presence at all. */
  readonly presencePerSecond: number;
  /**
   * Members whose dialect has it so send presence that is new to them back to the server, as
   * y-websocket 1 to 3 do.
   */
  readonly returnsPresence: boolean;
  /**
   * Of several servers, each room is on one, as behind a load balancer that hashes the path. Absent,
   * its members are spread over all servers.
   */
  readonly roomsStayTogether?: boolean;
  /** Several workloads at once take rooms of different numbers; 0 when absent. */
  readonly firstRoom?: number;
}

/** One of the things a member does at its time. */
export interface Action {
  readonly member: number;
  readonly kind: "update" | "presence";
}

export function memberCount(workload: Workload): number {
  return workload.rooms * workload.membersPerRoom;
}

/** The name of the room with this number among those of the workload. */
export function roomOf({ firstRoom = 0 }: Workload, room: number): string {
  return roomName(firstRoom + room);
}

export function roomName(room: number): string {
  return `bench-room-${room}`;
}
