import { join } from "node:path";
import {
  type Balance,
  type BalancedServer,
  LoadBalancer,
  type LoadBalancerKind,
} from "./load-balancer.ts";
import { ShippedConfiguration } from "./shipped-configuration.ts";

const LISTEN = /^ +listen 1234;$/m;
const BALANCE = /^ +hash \$uri consistent;\n/m;
const LOG = /(?<= access_log )\S+/;
const LOG_FILE = "access.log";
const SERVERS = /(?:^ +server server-.+\n)+/m;

const KIND: LoadBalancerKind = {
  command: "nginx",
  logFile: LOG_FILE,
  args: (file, directory) => [
    ...["-c", file, "-p", directory, "-e", "stderr"],
    ...["-g", `daemon off; pid ${join(directory, "pid")};`],
  ],
  async configuration(port, servers, balance) {
    const shipped = await ShippedConfiguration.read("nginx/nginx.conf");
    shipped.replace(LISTEN, `listen 127.0.0.1:${port};`);
    // Relative to the directory passed with `-p`.
    shipped.replace(LOG, LOG_FILE);
    if (balance === "round-robin") shipped.replace(BALANCE, "");
    shipped.replace(
      SERVERS,
      servers
        .map(({ host, port }) => `server ${host}:${port} max_fails=1 fail_timeout=2s;\n`)
        .join(""),
    );
    return shipped.text;
  },
};

/** nginx with the configuration of `deploy/nginx`. It takes long to notice a frozen server. */
export class Nginx extends LoadBalancer {
  constructor(servers: readonly BalancedServer[], balance: Balance = "affinity") {
    super(KIND, servers, balance);
  }
}
