/** What the members of many equal rooms do. A workload is exactly the same for every contender. */
export interface Workload {
  readonly rooms: number;
  readonly membersPerRoom: number;
  /** Per member; a whole number. */
  readonly updatesPerSecond: number;
  /** Per member; a whole number. 0 means that members have no presence at all. */
  readonly presencePerSecond: number;
  /**
   * Whether members whose dialect does so echo presence that is new to them to the server, as
   * y-websocket 1 to 3 do.
   */
  readonly returnsPresence: boolean;
  /**
   * Whether each room is on one of several servers, as behind a load balancer that hashes the path.
   * If absent, its members are spread over all servers.
   */
  readonly roomsStayTogether?: boolean;
  /** Lets concurrent workloads use different room numbers; 0 if absent. */
  readonly firstRoom?: number;
}

/** One action of a member at its due time. */
export interface Action {
  readonly member: number;
  readonly kind: "update" | "presence";
}

export function memberCount(workload: Workload): number {
  return workload.rooms * workload.membersPerRoom;
}

/** Returns the name of the workload's room with this number. */
export function roomOf({ firstRoom = 0 }: Workload, room: number): string {
  return roomName(firstRoom + room);
}

export function roomName(room: number): string {
  return `bench-room-${room}`;
}
