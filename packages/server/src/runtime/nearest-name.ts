/**
 * The known name that somebody probably meant, by how many letters have to be added, removed, replaced
 * or swapped with their neighbour. `undefined` when none is near.
 */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const written = plain(name);
  let nearest: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const edits = editsBetween(written, plain(candidate));
    if (edits <= tolerated(candidate) && edits < least) {
      nearest = candidate;
      least = edits;
    }
  }
  return nearest;
}

/** As a part of a message: `; did you mean "x"?`, or nothing. */
export function suggestion(name: string, known: Iterable<string>): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? "" : `; did you mean ${nearest}?`;
}

/** What is wrong with a name that is not known, and nearly is; `undefined` when all are right or strange. */
export function misspelt(given: object, known: readonly string[]): string | undefined {
  for (const name of Object.keys(given)) {
    const meant = known.includes(name) ? undefined : nearestName(name, known);
    if (meant !== undefined) return `${name} is not known; did you mean ${meant}?`;
  }
  return undefined;
}

/** In short names, two letters make another word. */
function tolerated({ length }: string): number {
  return length < 5 ? 1 : length < 16 ? 2 : 3;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll("-", "_");
}

/** The distance of Damerau and Levenshtein, for neighbours that are swapped once. */
function editsBetween(a: string, b: string): number {
  let older: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let edits = Math.min(
        (previous[j] ?? 0) + 1,
        (current[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (isSame ? 0 : 1),
      );
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, (older[j - 2] ?? edits) + 1);
      }
      current.push(edits);
    }
    older = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}
