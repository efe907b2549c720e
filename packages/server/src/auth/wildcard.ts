/**
 * A pattern in which `*` matches any characters, including none. A backslash escapes the character that
 * follows: `\*` is an asterisk, `\\` a backslash.
 */
export class Wildcard {
  readonly #start: string;
  readonly #middle: readonly string[];
  /** `null` if the pattern has no asterisk, so that the start is the whole pattern. */
  readonly #end: string | null;

  constructor(pattern: string) {
    const [start = "", ...rest] = literalsOf(pattern);
    this.#start = start;
    this.#end = rest.pop() ?? null;
    this.#middle = rest;
  }

  /** Greedy, in one pass: the first match of each piece leaves the most text for the rest. */
  matches(text: string): boolean {
    if (this.#end === null) return text === this.#start;
    if (!text.startsWith(this.#start) || !text.endsWith(this.#end)) return false;
    let at = this.#start.length;
    for (const piece of this.#middle) {
      const found = text.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return at <= text.length - this.#end.length;
  }
}

/** The literal texts between the asterisks. */
function literalsOf(pattern: string): string[] {
  const pieces: string[] = [];
  let piece = "";
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern.charAt(i);
    if (character === "*") {
      pieces.push(piece);
      piece = "";
    } else {
      // A trailing backslash has nothing to escape and stands for itself.
      piece += character === "\\" && i + 1 < pattern.length ? pattern.charAt(++i) : character;
    }
  }
  return [...pieces, piece];
}
