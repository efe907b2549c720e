export const SLOTS = 16_384;

/**
 * Returns the slot of a channel in a Redis Cluster: CRC-16 (XMODEM) of its name in UTF-8. If the
 * name has a non-empty part in braces, only that part counts.
 */
export function keySlot(name: string): number {
  let crc = 0;
  for (const byte of Buffer.from(hashTag(name))) {
    crc = ((crc << 8) & 0xffff) ^ (TABLE[(crc >> 8) ^ byte] ?? 0);
  }
  return crc % SLOTS;
}

function hashTag(name: string): string {
  const open = name.indexOf("{");
  if (open < 0) return name;
  const close = name.indexOf("}", open + 1);
  return close > open + 1 ? name.slice(open + 1, close) : name;
}

const TABLE: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});
