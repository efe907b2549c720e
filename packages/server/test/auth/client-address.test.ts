import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { clientAddress } from "../../src/auth/client-address.ts";
import { networkOf } from "../../src/runtime/network-of-address.ts";

function addressOf(remoteAddress: string | undefined, proxies: number, forwarded?: string): string {
  const headers = forwarded === undefined ? {} : { "x-forwarded-for": forwarded };
  return clientAddress({ headers, socket: { remoteAddress } as Socket }, proxies);
}

describe("the address of a client", () => {
  it.each([
    ["10.0.0.1", 0, undefined, "10.0.0.1"],
    // Without a proxy, clients can forge the header.
    ["10.0.0.1", 0, "192.0.2.1", "10.0.0.1"],
    ["::ffff:10.0.0.1", 0, undefined, "10.0.0.1"],
    ["2001:db8::1", 0, undefined, "2001:db8::1"],
    [undefined, 0, undefined, "unknown"],
    ["10.0.0.1", 1, "192.0.2.1", "192.0.2.1"],
    ["10.0.0.1", 1, "203.0.113.9, 192.0.2.1", "192.0.2.1"],
    ["10.0.0.1", 2, "203.0.113.9,192.0.2.1,10.0.0.2", "192.0.2.1"],
    ["10.0.0.1", 2, "192.0.2.1", "10.0.0.1"],
    ["10.0.0.1", 1, undefined, "10.0.0.1"],
    ["10.0.0.1", 1, "", "10.0.0.1"],
    ["10.0.0.1", 1, ",,,", "10.0.0.1"],
    ["10.0.0.1", 1, "192.0.2.1,", "10.0.0.1"],
    ["10.0.0.1", 1, "unknown", "10.0.0.1"],
    ["10.0.0.1", 1, "192.0.2.1.5", "10.0.0.1"],
    ["10.0.0.1", 1, "192.0.2.1<script>", "10.0.0.1"],
    ["10.0.0.1", 1, "192.0.2.1:4711", "192.0.2.1"],
    ["10.0.0.1", 1, "[2001:db8::1]:4711", "2001:db8::1"],
    ["10.0.0.1", 1, "[2001:db8::1]", "2001:db8::1"],
    ["10.0.0.1", 1, "2001:db8::1", "2001:db8::1"],
    ["10.0.0.1", 1, "::FFFF:192.0.2.1", "192.0.2.1"],
    ["10.0.0.1", 1, "garbage, 192.0.2.1", "192.0.2.1"],
  ])(
    "connected from %s, with %s proxies and the header %j: %s",
    (peer, proxies, forwarded, expected) => {
      expect(addressOf(peer, proxies, forwarded)).toBe(expected);
    },
  );
});

describe("the network of an address", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["unknown", "unknown"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::", "2001:db8:1:2::/64"],
    ["2001:DB8:0001:2::99", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["1::", "1:0:0:0::/64"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
    ["1:2:3::4:5:192.0.2.1", "1:2:3:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ])("%s: %s", (address, expected) => {
    expect(networkOf(address)).toBe(expected);
  });
});
