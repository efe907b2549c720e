/**
 * The page's element of this id and type.
 *
 * @throws Error if the page has none: the page and its script do not belong together
 */
export function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no ${type.name} with id "${id}"`);
  return found;
}
