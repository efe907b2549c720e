import { cleanName, type Person } from "./person.ts";
import type { Presence } from "./presence.ts";

export interface PeopleListElements {
  /** Its first item is this page's own person and stays. */
  readonly list: HTMLElement;
  readonly count: HTMLElement;
  readonly myBadge: HTMLElement;
  readonly myForm: HTMLFormElement;
  readonly myName: HTMLInputElement;
}

export interface PeopleList {
  show(presence: Presence): void;
}

/**
 * The list of who is here, with this page's own name to edit.
 *
 * @param onRename called with the new name once it is entered
 * @param onDone called when Enter ends the editing
 */
export function peopleList(
  elements: PeopleListElements,
  onRename: (name: string) => void,
  onDone: () => void,
): PeopleList {
  const { list, count, myBadge, myForm, myName } = elements;
  let me = "";

  myName.addEventListener("change", () => {
    const name = cleanName(myName.value);
    if (name !== undefined && name !== me) onRename(name);
    // An empty field, or one with odd spaces, shows what the others see.
    myName.value = name ?? me;
  });
  myForm.addEventListener("submit", (event) => {
    event.preventDefault();
    // Enter has fired the field's change event before this one.
    onDone();
  });

  return {
    show(presence) {
      me = presence.me.name;
      if (document.activeElement !== myName) myName.value = me;
      paintBadge(myBadge, presence.me);
      const others = [...presence.others.values()].map(personItem);
      // The first item is not touched: to move it would take the focus from a name being typed.
      for (const item of [...list.children].slice(1)) item.remove();
      list.append(...others);
      const people = others.length + 1;
      count.textContent = people === 1 ? "Only you are here" : `${people} people are here`;
    },
  };
}

function personItem(person: Person): HTMLElement {
  const item = document.createElement("li");
  item.className = "person";
  const badge = document.createElement("span");
  badge.className = "badge";
  badge.ariaHidden = "true";
  paintBadge(badge, person);
  const name = document.createElement("span");
  name.className = "person-name";
  name.textContent = person.name;
  item.append(badge, name);
  return item;
}

function paintBadge(badge: HTMLElement, person: Person): void {
  badge.style.backgroundColor = person.color;
  badge.textContent = initials(person.name);
}

function initials(name: string): string {
  const words = name.split(" ");
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined];
  return letters
    .map((word) => [...(word ?? "")][0] ?? "")
    .join("")
    .toUpperCase();
}
