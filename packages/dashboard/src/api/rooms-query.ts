export type SortKey = "name" | "created" | "updated" | "bytes";
export type Order = "asc" | "desc";

/** Selects a page of the room list. */
export interface RoomsQuery {
  readonly search: string;
  readonly sort: SortKey;
  readonly order: Order;
  /** Where the page begins; empty for the first. */
  readonly cursor: string;
}
