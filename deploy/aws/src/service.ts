import { Duration } from "aws-cdk-lib";
import { SubnetType } from "aws-cdk-lib/aws-ec2";
import { Cluster, ContainerInsights, FargateService } from "aws-cdk-lib/aws-ecs";
import { Construct } from "constructs";
import type { LoadBalancer } from "./load-balancer.ts";
import { type Network, SERVER_PORT } from "./network.ts";
import type { Task } from "./task.ts";

const LEAST_SERVERS = 2;
const MOST_SERVERS = 10;
const CPU_PERCENT = 50;

export interface ServiceProps {
  readonly network: Network;
  readonly balancer: LoadBalancer;
  readonly task: Task;
}

/** Scales the servers with the load, across all zones. */
export class Service extends Construct {
  constructor(scope: Construct, id: string, { network, balancer, task }: ServiceProps) {
    super(scope, id);
    const service = new FargateService(this, "Service", {
      cluster: new Cluster(this, "Cluster", {
        vpc: network.vpc,
        containerInsightsV2: ContainerInsights.ENABLED,
      }),
      taskDefinition: task.definition,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_WITH_EGRESS },
      securityGroups: [network.servers],
      // A new version that does not start is rolled back; the old one serves until the new one does.
      circuitBreaker: { rollback: true },
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      healthCheckGracePeriod: Duration.seconds(60),
    });
    balancer.servers.addTarget(
      service.loadBalancerTarget({ containerName: "server", containerPort: SERVER_PORT }),
    );
    service
      .autoScaleTaskCount({ minCapacity: LEAST_SERVERS, maxCapacity: MOST_SERVERS })
      .scaleOnCpuUtilization("Cpu", {
        targetUtilizationPercent: CPU_PERCENT,
        scaleOutCooldown: Duration.seconds(60),
        // Stopping a server makes its clients reconnect.
        scaleInCooldown: Duration.minutes(5),
      });
  }
}
