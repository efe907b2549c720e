import { Servers } from "../process/servers.ts";
import { newCluster, stopClusterServices } from "./cluster-services.ts";
import type { Contender } from "./contender.ts";
import { symphonyProcess } from "./symphony.ts";

export const symphonyCluster: Contender = {
  name: "symphony-cluster",
  description:
    "this server in a cluster of one: updates are returned to their sender once durable (PostgreSQL); " +
    "Redis, PostgreSQL, S3 (Ceph) and DynamoDB (dynalite) run on the load generator's core",
  keepsState: true,
  persists: true,
  measurements: ["case-study", "case-study-small", "acknowledgement", "scaling"],
  start: async (options) => Servers.launch(symphonyProcess(options, await newCluster())),
  release: stopClusterServices,
};
