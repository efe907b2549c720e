import { Duration } from "aws-cdk-lib";
import { SubnetType } from "aws-cdk-lib/aws-ec2";
import {
  type ApplicationListener,
  ApplicationLoadBalancer,
  ApplicationProtocol,
  ApplicationTargetGroup,
  ListenerAction,
  ListenerCertificate,
  ListenerCondition,
  SslPolicy,
  TargetGroupLoadBalancingAlgorithmType,
  TargetType,
} from "aws-cdk-lib/aws-elasticloadbalancingv2";
import { Construct } from "constructs";
import { type Network, SERVER_PORT } from "./network.ts";
import type { Settings } from "./settings.ts";

const HTTP_PORT = 80;
const HTTPS_PORT = 443;

/** The ports that clients connect to. */
export function clientPorts({ certificate }: Settings): readonly number[] {
  return certificate === undefined ? [HTTP_PORT] : [HTTP_PORT, HTTPS_PORT];
}

export interface LoadBalancerProps {
  readonly network: Network;
  readonly settings: Settings;
}

/** Sends each client to the server with the fewest open requests. */
export class LoadBalancer extends Construct {
  readonly servers: ApplicationTargetGroup;
  /** `http://…` or `https://…`, with the DNS name that AWS assigns. */
  readonly url: string;

  constructor(scope: Construct, id: string, { network, settings }: LoadBalancerProps) {
    super(scope, id);
    const { isPublic, certificate } = settings;
    const balancer = new ApplicationLoadBalancer(this, "Balancer", {
      vpc: network.vpc,
      internetFacing: isPublic,
      vpcSubnets: {
        subnetType: isPublic ? SubnetType.PUBLIC : SubnetType.PRIVATE_WITH_EGRESS,
      },
      securityGroup: network.balancer,
      dropInvalidHeaderFields: true,
      // Servers ping every 30 seconds, so this only closes dead connections.
      idleTimeout: Duration.seconds(120),
    });
    this.servers = new ApplicationTargetGroup(this, "Servers", {
      vpc: network.vpc,
      targetType: TargetType.IP,
      protocol: ApplicationProtocol.HTTP,
      port: SERVER_PORT,
      loadBalancingAlgorithmType: TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS,
      healthCheck: {
        // A server that cannot reach a shared service keeps its clients, because the other servers
        // cannot reach it either.
        path: "/health/accepting",
        interval: Duration.seconds(5),
        timeout: Duration.seconds(2),
        healthyThresholdCount: 2,
        unhealthyThresholdCount: 2,
      },
      // A server drains for up to 25 seconds; its connections must not be cut before that.
      deregistrationDelay: Duration.seconds(30),
    });
    const listener =
      certificate === undefined ? this.#plain(balancer) : this.#encrypted(balancer, certificate);
    listener.addAction("OnlyBetweenServers", {
      priority: 1,
      conditions: [ListenerCondition.pathPatterns(["/cluster/*"])],
      action: ListenerAction.fixedResponse(403),
    });
    const scheme = certificate === undefined ? "http" : "https";
    this.url = `${scheme}://${balancer.loadBalancerDnsName}`;
  }

  #plain(balancer: ApplicationLoadBalancer): ApplicationListener {
    return balancer.addListener("Http", {
      port: HTTP_PORT,
      open: false,
      defaultAction: ListenerAction.forward([this.servers]),
    });
  }

  #encrypted(balancer: ApplicationLoadBalancer, certificate: string): ApplicationListener {
    balancer.addListener("Http", {
      port: HTTP_PORT,
      open: false,
      defaultAction: ListenerAction.redirect({
        protocol: ApplicationProtocol.HTTPS,
        port: String(HTTPS_PORT),
        permanent: true,
      }),
    });
    return balancer.addListener("Https", {
      port: HTTPS_PORT,
      open: false,
      certificates: [ListenerCertificate.fromArn(certificate)],
      sslPolicy: SslPolicy.RECOMMENDED_TLS,
      defaultAction: ListenerAction.forward([this.servers]),
    });
  }
}
