import {
  type Balance,
  type BalancedServer,
  LoadBalancer,
  type LoadBalancerKind,
} from "./load-balancer.ts";
import { ShippedConfiguration } from "./shipped-configuration.ts";

const BIND = /^ {4}bind :1234$/m;
const BALANCE = /^ {4}balance uri path-only\n {4}hash-type consistent$/m;
const SERVERS = /(?:^ {4}server .+\n)+/m;

const KIND: LoadBalancerKind = {
  command: "haproxy",
  args: (file) => ["-db", "-f", file],
  async configuration(port, servers, balance) {
    const shipped = await ShippedConfiguration.read("haproxy/haproxy.cfg");
    shipped.replace(BIND, `    bind 127.0.0.1:${port}`);
    if (balance === "round-robin") shipped.replace(BALANCE, "    balance roundrobin");
    shipped.replace(
      SERVERS,
      servers.map(({ name, host, port }) => `    server ${name} ${host}:${port}\n`).join(""),
    );
    return shipped.text;
  },
};

/**
 * HAProxy with the configuration of `deploy/haproxy`. It moves clients away from a server that is
 * killed, frozen or draining, and uses the server again as soon as it responds.
 */
export class HaProxy extends LoadBalancer {
  constructor(servers: readonly BalancedServer[], balance: Balance = "affinity") {
    super(KIND, servers, balance);
  }
}
