/**
 * Returns the known name that was probably meant, by the number of letters to insert, delete,
 * replace or swap with a neighbour. `undefined` if none is close.
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

/** Returns the end of an error message, `; did you mean x?`, or an empty string. */
export function suggestion(name: string, known: Iterable<string>): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? "" : `; did you mean ${nearest}?`;
}

/** Describes an unknown name that is close to a known one; `undefined` if there is none. */
export function misspelt(given: object, known: readonly string[]): string | undefined {
  for (const name of Object.keys(given)) {
    const meant = known.includes(name) ? undefined : nearestName(name, known);
    if (meant !== undefined) return `unknown name ${name}; did you mean ${meant}?`;
  }
  return undefined;
}

/** In a short name, two different letters already make another word. */
function tolerated({ length }: string): number {
  return length < 5 ? 1 : length < 16 ? 2 : 3;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll("-", "_");
}

/** The Damerau–Levenshtein distance, restricted to one swap of neighbours. */
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
