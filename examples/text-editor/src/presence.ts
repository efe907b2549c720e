import type { Awareness } from "y-protocols/awareness";
import { freeColor } from "./colors.ts";
import { type Person, personOf } from "./person.ts";

/** This page's own presence, and everybody else's. */
export interface Presence {
  readonly me: Person;
  /** The others by client id, in a stable order. */
  readonly others: ReadonlyMap<number, Person>;
}

/** Announces this page's person under `name`, with a colour of its own. */
export function announce(awareness: Awareness, name: string): void {
  const color = freeColor(awareness.clientID, colorsOf(presenceOf(awareness).others));
  setPerson(awareness, { name, color });
}

/** Shows this page's person under another name from now on. */
export function rename(awareness: Awareness, name: string): void {
  // Other pages draw a cursor with the name it first appeared with. Taking it away makes them draw
  // it anew; the editor puts it back when it has the focus again.
  awareness.setLocalStateField("cursor", null);
  setPerson(awareness, { ...presenceOf(awareness).me, name });
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
  if (color !== me.color) setPerson(awareness, { ...me, color });
}

function colorsOf(people: ReadonlyMap<number, Person>): Set<string> {
  return new Set([...people.values()].map((person) => person.color));
}

function setPerson(awareness: Awareness, person: Person): void {
  awareness.setLocalStateField("user", { ...person, colorLight: `${person.color}33` });
}
