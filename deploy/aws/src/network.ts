import {
  GatewayVpcEndpointAwsService,
  IpAddresses,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from "aws-cdk-lib/aws-ec2";
import { Construct } from "constructs";

/** The port on which a server listens, for clients and for other servers. */
export const SERVER_PORT = 1234;
export const REDIS_PORT = 6379;
const POSTGRES_PORT = 5432;

export interface NetworkProps {
  readonly isPublic: boolean;
  /** The ports that clients connect to. */
  readonly clientPorts: readonly number[];
}

/** The network, and which parts may connect to each other. */
export class Network extends Construct {
  readonly vpc: Vpc;
  readonly balancer: SecurityGroup;
  readonly servers: SecurityGroup;
  readonly redis: SecurityGroup;
  readonly database: SecurityGroup;

  constructor(scope: Construct, id: string, { isPublic, clientPorts }: NetworkProps) {
    super(scope, id);
    this.vpc = new Vpc(this, "Vpc", {
      ipAddresses: IpAddresses.cidr("10.20.0.0/16"),
      maxAzs: 2,
      // One per zone, so that a zone can start servers while the other is down.
      natGateways: 2,
      subnetConfiguration: [
        { name: "public", subnetType: SubnetType.PUBLIC, cidrMask: 24 },
        { name: "servers", subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 20 },
        { name: "stores", subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
      ],
      // Storage traffic bypasses the NAT gateways and their fees.
      gatewayEndpoints: {
        S3: { service: GatewayVpcEndpointAwsService.S3 },
        DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
      },
    });
    const { vpc } = this;
    this.balancer = new SecurityGroup(this, "Balancer", { vpc, allowAllOutbound: false });
    this.servers = new SecurityGroup(this, "Servers", { vpc });
    this.redis = new SecurityGroup(this, "Redis", { vpc, allowAllOutbound: false });
    this.database = new SecurityGroup(this, "Database", { vpc, allowAllOutbound: false });

    const clients = isPublic ? Peer.anyIpv4() : Peer.ipv4(vpc.vpcCidrBlock);
    for (const port of clientPorts) this.balancer.addIngressRule(clients, Port.tcp(port));
    this.servers.connections.allowFrom(this.balancer, Port.tcp(SERVER_PORT));
    // Servers fetch documents from each other.
    this.servers.connections.allowFrom(this.servers, Port.tcp(SERVER_PORT));
    this.redis.connections.allowFrom(this.servers, Port.tcp(REDIS_PORT));
    this.database.connections.allowFrom(this.servers, Port.tcp(POSTGRES_PORT));
  }
}
