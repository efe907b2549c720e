import { randomBytes } from "node:crypto";
import { BackingServices } from "./backing-services.ts";
import { HaProxy } from "./haproxy.ts";
import { SymphonyServer } from "./symphony-server.ts";

// `npm run cluster`: three servers behind a load balancer, with all services, until Ctrl-C.

const NAMES = ["a", "b", "c"];

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Resolves on the first signal to stop. */
const ended = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => resolve());
});

const services = new BackingServices();
let servers: readonly SymphonyServer[] = [];
let balancer: HaProxy | undefined;
try {
  say("starting Redis, PostgreSQL, S3 (Ceph) and DynamoDB (dynalite) …");
  await services.start();
  const adminToken = randomBytes(16).toString("hex");
  const settings = {
    ...services.environment(),
    ADMIN_TOKEN: adminToken,
    // HAProxy reports the client addresses.
    TRUSTED_PROXIES: "1",
  };
  servers = NAMES.map(() => new SymphonyServer(settings));
  await Promise.all(servers.map((server) => server.start()));
  const balanced = servers.map(({ port }, i) => ({
    name: NAMES[i] ?? "",
    host: "127.0.0.1",
    port,
  }));
  balancer = new HaProxy(balanced);
  await balancer.start();
  const environment = services.environment();
  const rows: [string, string][] = [
    ["open this", balancer.url],
    ["dashboard", `${balancer.url}/dashboard/`],
    ["its token", adminToken],
    ...servers.map(({ url }, i): [string, string] => [`server ${NAMES[i]}`, url]),
    ["redis", environment.REDIS_URL ?? ""],
    ["postgres", environment.DATABASE_URL ?? ""],
    ["s3", `${environment.AWS_ENDPOINT_URL_S3} bucket ${environment.S3_BUCKET}`],
    ["dynamodb", `${environment.AWS_ENDPOINT_URL_DYNAMODB} table ${environment.DYNAMODB_TABLE}`],
  ];
  say("");
  for (const [name, where] of rows) say(`  ${name.padEnd(10)} ${where}`);
  say("");
  say("Each room lives on one server. Open a room on two servers directly, and both hold it.");
  say("Press Ctrl-C to stop everything.");
  await ended;
  say("stopping …");
} finally {
  await balancer?.stop();
  await Promise.all(servers.map((server) => server.stop()));
  await services.stop();
}
