import { CfnOutput, CfnParameter, Stack, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { Database } from "./database.ts";
import { clientPorts, LoadBalancer } from "./load-balancer.ts";
import { Network } from "./network.ts";
import { Redis } from "./redis.ts";
import { Service } from "./service.ts";
import type { Settings } from "./settings.ts";
import { Stores } from "./stores.ts";
import { Task } from "./task.ts";

export interface SymphonyStackProps extends StackProps {
  readonly settings: Settings;
}

/** Everything a cluster needs, in one region. */
export class SymphonyStack extends Stack {
  constructor(scope: Construct, id: string, { settings, ...props }: SymphonyStackProps) {
    super(scope, id, props);
    const image = new CfnParameter(this, "Image", {
      description: "The image built from deploy/Dockerfile, with registry and tag",
    });
    const network = new Network(this, "Network", {
      isPublic: settings.isPublic,
      clientPorts: clientPorts(settings),
    });
    const { vpc } = network;
    const stores = new Stores(this, "Stores");
    const database = new Database(this, "Database", { vpc, securityGroup: network.database });
    const redis = new Redis(this, "Redis", { vpc, securityGroup: network.redis });
    const balancer = new LoadBalancer(this, "LoadBalancer", { network, settings });
    const task = new Task(this, "Task", { image: image.valueAsString, stores, database, redis });
    new Service(this, "Service", { network, balancer, task });
    new CfnOutput(this, "Url", { value: balancer.url });
    new CfnOutput(this, "TokenSecret", { value: task.tokenSecret.secretArn });
    new CfnOutput(this, "AdminToken", { value: task.adminToken.secretArn });
    new CfnOutput(this, "SnapshotsBucket", { value: stores.snapshots.bucketName });
  }
}
