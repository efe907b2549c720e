import { symphonyCluster } from "../contenders/symphony-cluster.ts";
import { symphonyClusterOfTwo } from "../contenders/symphony-cluster-of-two.ts";
import { caseStudyWorkload, describeCaseStudy } from "../workload/case-study-workload.ts";
import { describeLoad, loadColumns, measureLoad } from "./measure-load.ts";
import type { Measurement } from "./measurement.ts";

export const scaling: Measurement = {
  name: "scaling",
  title: "From one core to two",
  reference: symphonyCluster.name,
  columns: loadColumns,
  bars: [
    {
      text: "twice the clients on two cores, for at most 1.1 times the CPU per delivery",
      column: "cpuPerDelivery",
      contender: symphonyClusterOfTwo.name,
      of: "ratio",
      atMost: 1.1,
    },
  ],
  minimumRuns: 1,
  takesPart: ({ measurements = [] }) => measurements.includes("scaling"),
  describe: (settings) =>
    `${describeCaseStudy(settings.scalingClients)} Two processes get twice as many, each on its own ` +
    "core. All members of a room are connected to the same process, as behind a load balancer that " +
    "hashes the path. The second process shares its core with the load generator and the services. " +
    `${describeLoad(settings)}`,
  run: (context) => {
    const { contender, settings, cpus } = context;
    const isOne = contender.name === symphonyCluster.name;
    const workload = {
      ...caseStudyWorkload(settings.scalingClients * (isOne ? 1 : 2)),
      roomsStayTogether: true,
    };
    return measureLoad(
      isOne ? context : { ...context, cpus: { ...cpus, server: cpus.all } },
      workload,
    );
  },
};
