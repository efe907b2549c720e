import type { IncomingMessage } from "node:http";
import { isIP, isIPv4 } from "node:net";

/**
 * The address of the client that sent a request. Only this server's own proxies are trusted.
 *
 * @param proxies number of proxies in front, each of which appends the address of its peer to
 *   `X-Forwarded-For`. With 0, or if the header has no valid entry there, the result is the socket's peer
 */
export function clientAddress(
  { headers, socket }: Pick<IncomingMessage, "headers" | "socket">,
  proxies: number,
): string {
  const peer = withoutMapping(socket.remoteAddress ?? "unknown");
  if (proxies === 0) return peer;
  const forwarded = [headers["x-forwarded-for"] ?? []].flat().join(",").split(",");
  const address = withoutPort(forwarded.at(-proxies)?.trim() ?? "");
  return isIP(address) === 0 ? peer : withoutMapping(address);
}

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(text: string): string {
  const [, bracketed, plain] = /^\[([^\]]*)\](?::\d+)?$|^([\d.]+):\d+$/.exec(text) ?? [];
  return bracketed ?? plain ?? text;
}

/** On a dual-stack socket, IPv4 addresses look like `::ffff:192.0.2.1`. */
function withoutMapping(address: string): string {
  const ipv4 = address.toLowerCase().startsWith("::ffff:") ? address.slice("::ffff:".length) : "";
  return isIPv4(ipv4) ? ipv4 : address;
}
