import { join } from "node:path";
import { Servers } from "../process/servers.ts";
import { newCluster, stopClusterServices } from "./cluster-services.ts";
import type { Contender } from "./contender.ts";
import { symphonyProcess } from "./symphony.ts";

export const symphonyClusterOfThree: Contender = {
  name: "symphony-cluster-of-three",
  description:
    "three of this server as one cluster, all on the server's core; updates are returned to their " +
    "sender once durable (PostgreSQL); the services are those of symphony-cluster",
  keepsState: true,
  persists: true,
  measurements: ["spread"],
  start: async (options) => {
    const cluster = await newCluster();
    const directories = ["a", "b", "c"].map((name) => join(options.dataDirectory, name));
    return Servers.launch(
      ...directories.map((dataDirectory) =>
        symphonyProcess({ ...options, dataDirectory }, cluster),
      ),
    );
  },
  release: stopClusterServices,
};
