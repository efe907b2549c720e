const ADJECTIVES = [
  "Bright",
  "Calm",
  "Gentle",
  "Golden",
  "Lively",
  "Merry",
  "Mellow",
  "Quiet",
  "Silver",
  "Swift",
  "Velvet",
  "Warm",
] as const;

const INSTRUMENTS = [
  "Bassoon",
  "Cello",
  "Clarinet",
  "Cymbal",
  "Fiddle",
  "Flute",
  "Harp",
  "Oboe",
  "Piano",
  "Trumpet",
  "Tuba",
  "Viola",
] as const;

const PIECES = [
  "aria",
  "ballad",
  "canon",
  "etude",
  "fugue",
  "minuet",
  "nocturne",
  "overture",
  "prelude",
  "rondo",
  "serenade",
  "sonata",
] as const;

// No letter or digit that is easily taken for another one when an address is read aloud.
const SUFFIX_CHARACTERS = "23456789abcdefghjkmnpqrstuvwxyz";

function randomIndex(length: number): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) % length;
}

function randomOf(words: readonly string[]): string {
  return words[randomIndex(words.length)] ?? "";
}

/** A name for a person who has not chosen one, such as `Quiet Oboe`. */
export function randomPersonName(): string {
  return `${randomOf(ADJECTIVES)} ${randomOf(INSTRUMENTS)}`;
}

/** A new room's name, such as `quiet-sonata-x7k2`. */
export function randomRoomName(): string {
  const suffix = Array.from({ length: 4 }, () =>
    SUFFIX_CHARACTERS.charAt(randomIndex(SUFFIX_CHARACTERS.length)),
  ).join("");
  return `${randomOf(ADJECTIVES).toLowerCase()}-${randomOf(PIECES)}-${suffix}`;
}
