import { isIPv6 } from "node:net";

/**
 * What limits per address count by: an IPv4 address, and the first 64 bits of an IPv6 address, since
 * everybody with IPv6 has at least 2^64 of them.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail = ""] = address.split("::");
  const groups = [...groupsOf(head), ...zeros(8 - groupsOf(head).length - groupsOf(tail).length)];
  const prefix = [...groups, ...groupsOf(tail)].slice(0, 4);
  return `${prefix.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}

function groupsOf(text: string): string[] {
  // What looks like IPv4 at the end is the last two groups.
  return text === "" ? [] : text.replace(/[\d.]+\.\d+$/, "0:0").split(":");
}

function zeros(count: number): string[] {
  return new Array<string>(count).fill("0");
}
