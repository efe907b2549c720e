import { isPlainJson } from "./json-validator.ts";
import { MalformedError } from "./malformed-error.ts";
import { decodeText } from "./text.ts";

/**
 * How deeply values may be nested. Clients traverse them recursively (`readAny` in Yjs,
 * `equalityDeep` in y-protocols), and their stack overflows after some thousands of levels.
 */
export const MAX_DEPTH = 500;

/**
 * Checks that bytes are JSON in UTF-8 that clients can process.
 *
 * @throws MalformedError if they are not JSON; TypeError if they are not UTF-8
 */
export function checkJsonBytes(bytes: Uint8Array): void {
  if (!isPlainJson(bytes)) checkJson(decodeText(bytes));
}

/** Checks that a text is JSON that clients can process. @throws MalformedError if it is not */
export function checkJson(json: string): void {
  if (nesting(json) > MAX_DEPTH) throw new MalformedError(`JSON nested deeper than ${MAX_DEPTH}`);
  try {
    JSON.parse(json);
  } catch (error) {
    throw new MalformedError("invalid JSON", { cause: error });
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [OPEN_ARRAY, CLOSE_ARRAY] = [0x5b, 0x5d];
const [OPEN_OBJECT, CLOSE_OBJECT] = [0x7b, 0x7d];

/**
 * Returns the deepest nesting of brackets outside strings, whether or not the text is valid JSON.
 */
function nesting(json: string): number {
  if (json.length <= MAX_DEPTH) return 0;
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (inString) {
      if (code === BACKSLASH) i++;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) {
      inString = true;
    } else if (code === OPEN_ARRAY || code === OPEN_OBJECT) {
      if (++depth > deepest) deepest = depth;
    } else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) {
      depth--;
    }
  }
  return deepest;
}
