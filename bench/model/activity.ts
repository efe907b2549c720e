import type { Inputs } from "./inputs.ts";

/** What all clients together do in a second, wherever they are placed. */
export interface Activity {
  readonly clients: number;
  readonly rooms: number;
  /** The share of rooms with an active client. */
  readonly activeRooms: number;
  readonly joins: number;
  readonly updates: number;
  readonly presence: number;
  /** Updates and presence changes, counted once per other member. */
  readonly deliveries: number;
  /** Messages from clients, including echoed presence. */
  readonly messagesUp: number;
  /** Messages to clients, including updates that come back to their sender. */
  readonly messagesDown: number;
  /** Without packet overhead. */
  readonly bytesUp: number;
  readonly bytesDown: number;
}

export function activityOf(inputs: Inputs, clients: number): Activity {
  const { clientsPerRoom, actingShare, updateBytes, presenceBytes } = inputs;
  const others = clientsPerRoom - 1;
  const acting = clients * actingShare;
  const updates = acting * inputs.updatesPerSecond;
  const presence = acting * inputs.presencePerSecond + (clients - acting) / inputs.renewalSeconds;
  const presenceUp = presence * clientsPerRoom;
  const presenceDown = presence * others;
  const updatesDown = updates * clientsPerRoom;
  return {
    clients,
    rooms: clients / clientsPerRoom,
    activeRooms: activeShare(inputs, clientsPerRoom),
    joins: (clients * inputs.joinsPerHour) / 3600,
    updates,
    presence,
    deliveries: (updates + presence) * others,
    messagesUp: updates + presenceUp,
    messagesDown: updatesDown + presenceDown,
    bytesUp: updates * updateBytes + presenceUp * presenceBytes,
    bytesDown: updatesDown * updateBytes + presenceDown * presenceBytes,
  };
}

/** The probability that at least one of this many clients is active. */
export function activeShare({ actingShare }: Inputs, clients: number): number {
  return 1 - (1 - actingShare) ** clients;
}
