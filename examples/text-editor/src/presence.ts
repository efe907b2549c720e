import type { Awareness } from "y-protocols/awareness";
import { freeColor } from "./colors.ts";
import { type Person, personOf } from "./person.ts";

/** This page's own presence, and everybody else's. */
export interface Presence {
  readonly me: Person;
  /** The others by client id, in a stable order. */
  readonly others: ReadonlyMap<number, Person>;
}

/** Announces this page's person under `name`, with a colour of its own, until the page is left. */
export function announce(awareness: Awareness, name: string): void {
  const color = freeColor(awareness.clientID, colorsOf(presenceOf(awareness).others));
  setPerson(awareness, { name, color }, color);

  // Said, not left for the server to notice: another tab of this browser may have spoken for this
  // one first, and its connection stays.
  let left: ReturnType<Awareness["getLocalState"]> = null;
  addEventListener("pagehide", () => {
    left = awareness.getLocalState();
    awareness.setLocalState(null);
  });
  // The browser may keep the page and show it again when one goes back.
  addEventListener("pageshow", () => {
    if (left !== null) awareness.setLocalState(left);
  });
}

/** Shows this page's person under another name from now on. */
export function rename(awareness: Awareness, name: string): void {
  const { me } = presenceOf(awareness);
  const written: unknown = awareness.getLocalState()?.user?.color;
  // Other pages draw a cursor's name anew only when its colour is another text, so the same colour
  // is written in the other way: with or without its opacity.
  setPerson(awareness, { ...me, name }, written === me.color ? `${me.color}ff` : me.color);
}

/** Calls `onChange` now and whenever anybody comes, goes, or changes name or colour. */
export function watchPresence(awareness: Awareness, onChange: (presence: Presence) => void): void {
  let shown = "";
  const show = () => {
    avoidColorClash(awareness);
    const presence = presenceOf(awareness);
    const key = JSON.stringify([presence.me, [...presence.others]]);
    // Most awareness changes are moving cursors.
    if (key === shown) return;
    shown = key;
    onChange(presence);
  };
  awareness.on("change", show);
  show();
}

function presenceOf(awareness: Awareness): Presence {
  const others = [...awareness.getStates()]
    .filter(([clientId]) => clientId !== awareness.clientID)
    .map(([clientId, state]) => [clientId, personOf(state.user)] as const)
    .sort(([a], [b]) => a - b);
  return { me: personOf(awareness.getLocalState()?.user), others: new Map(others) };
}

/** Two people who came at the same moment may have the same colour: the later id takes another. */
function avoidColorClash(awareness: Awareness): void {
  const { me, others } = presenceOf(awareness);
  const clash = [...others].some(
    ([clientId, person]) => person.color === me.color && clientId < awareness.clientID,
  );
  if (!clash) return;
  const color = freeColor(awareness.clientID, colorsOf(others));
  if (color !== me.color) setPerson(awareness, { ...me, color }, color);
}

function colorsOf(people: ReadonlyMap<number, Person>): Set<string> {
  return new Set([...people.values()].map((person) => person.color));
}

function setPerson(awareness: Awareness, person: Person, writtenColor: string): void {
  const colorLight = `${person.color}33`;
  awareness.setLocalStateField("user", { name: person.name, color: writtenColor, colorLight });
}
