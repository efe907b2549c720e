import { isIPv6 } from "node:net";

/**
 * Returns the key for per-address limits: an IPv4 address, or the first 64 bits of an IPv6 address,
 * since every IPv6 user has at least 2^64 addresses.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail = ""] = address.split("::");
  const groups = [...groupsOf(head), ...zeros(8 - groupsOf(head).length - groupsOf(tail).length)];
  const prefix = [...groups, ...groupsOf(tail)].slice(0, 4);
  return `${prefix.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}

function groupsOf(text: string): string[] {
  // An IPv4 address at the end stands for the last two groups.
  return text === "" ? [] : text.replace(/[\d.]+\.\d+$/, "0:0").split(":");
}

function zeros(count: number): string[] {
  return new Array<string>(count).fill("0");
}
