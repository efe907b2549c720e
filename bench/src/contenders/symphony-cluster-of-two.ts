import { join } from "node:path";
import { Servers } from "../process/servers.ts";
import { newCluster, stopClusterServices } from "./cluster-services.ts";
import type { Contender } from "./contender.ts";
import { symphonyProcess } from "./symphony.ts";

export const symphonyClusterOfTwo: Contender = {
  name: "symphony-cluster-of-two",
  description:
    "two of this server as one cluster, each on its own core; the services are those of symphony-cluster",
  keepsState: true,
  persists: true,
  measurements: ["scaling"],
  start: async (options) => {
    const cluster = await newCluster();
    const cores = options.cpus?.split(",") ?? [];
    return Servers.launch(
      ...["a", "b"].map((name, index) =>
        symphonyProcess(
          {
            dataDirectory: join(options.dataDirectory, name),
            cpus: cores[index % cores.length],
          },
          cluster,
        ),
      ),
    );
  },
  release: stopClusterServices,
};
