/**
 * Makes untrusted text safe to display by escaping invisible characters that could deceive: control
 * characters, bidirectional controls (`\u{202e}`) and zero-width characters. Joiners stay where emoji or
 * scripts need them.
 *
 * @param breaks whether to keep line breaks and tabs, as in the text of a document
 */
export function visible(text: string, breaks = false): string {
  return text.replaceAll(HIDDEN, (found, at: number) => {
    if (breaks && (found === "\n" || found === "\t")) return found;
    const before = text.slice(Math.max(0, at - CONTEXT), at);
    const after = text.slice(at + found.length, at + found.length + CONTEXT);
    return isNeeded(found, before, after) ? found : escaped(found);
  });
}

/** Invisible characters, and backslashes that would make text look like one of the escapes. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{DI}]|\\(?=u\{)/gu;
/** Visible signs and marks of Arabic and other scripts that Unicode classifies as format characters. */
const SEEN = /^[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}]$/u;
const CONTEXT = 4;

const JOINER = "\u200d";
const NON_JOINER = "\u200c";
const EMOJI_STYLE = /^[\ufe0e\ufe0f]$/;
const EMOJI_BEFORE = /\p{Extended_Pictographic}[\ufe0f\p{Emoji_Modifier}]?$/u;
const EMOJI_AFTER = /^\p{Extended_Pictographic}/u;
const STYLED = /\p{Emoji}$/u;
const SCRIPTS =
  "\\p{sc=Arab}\\p{sc=Syrc}\\p{sc=Mong}\\p{sc=Deva}\\p{sc=Beng}\\p{sc=Guru}\\p{sc=Gujr}\\p{sc=Orya}\\p{sc=Taml}\\p{sc=Telu}\\p{sc=Knda}\\p{sc=Mlym}\\p{sc=Sinh}\\p{sc=Khmr}\\p{sc=Mymr}";
const JOINED_BEFORE = new RegExp(`[${SCRIPTS}]$`, "u");
const JOINED_AFTER = new RegExp(`^[${SCRIPTS}]`, "u");

function isNeeded(found: string, before: string, after: string): boolean {
  if (SEEN.test(found)) return true;
  if (EMOJI_STYLE.test(found)) return STYLED.test(before);
  if (found !== JOINER && found !== NON_JOINER) return false;
  if (found === JOINER && EMOJI_BEFORE.test(before) && EMOJI_AFTER.test(after)) return true;
  return JOINED_BEFORE.test(before) && JOINED_AFTER.test(after);
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
