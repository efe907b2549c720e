import { SecretValue } from "aws-cdk-lib";
import { type SecurityGroup, SubnetType, type Vpc } from "aws-cdk-lib/aws-ec2";
import { CfnReplicationGroup, CfnSubnetGroup } from "aws-cdk-lib/aws-elasticache";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { REDIS_PORT } from "./network.ts";

export interface RedisProps {
  readonly vpc: Vpc;
  readonly securityGroup: SecurityGroup;
}

/** Redis in cluster mode, which carries updates between servers. It stores nothing. */
export class Redis extends Construct {
  /** The value of `REDIS_URL`. */
  readonly url: Secret;

  constructor(scope: Construct, id: string, { vpc, securityGroup }: RedisProps) {
    super(scope, id);
    const token = new Secret(this, "Token", {
      // Without punctuation, so that it needs no escaping in a URL.
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
    });
    const authToken = token.secretValue.unsafeUnwrap();
    const subnets = new CfnSubnetGroup(this, "Subnets", {
      description: "Redis of Symphony",
      subnetIds: vpc.selectSubnets({ subnetType: SubnetType.PRIVATE_ISOLATED }).subnetIds,
    });
    const group = new CfnReplicationGroup(this, "Group", {
      replicationGroupDescription: "Carries updates between the servers of Symphony",
      engine: "redis",
      engineVersion: "7.1",
      cacheNodeType: "cache.t4g.small",
      cacheParameterGroupName: "default.redis7.cluster.on",
      // Shards can be added at runtime: channels are spread over them.
      numNodeGroups: 1,
      replicasPerNodeGroup: 1,
      automaticFailoverEnabled: true,
      multiAzEnabled: true,
      port: REDIS_PORT,
      cacheSubnetGroupName: subnets.ref,
      securityGroupIds: [securityGroup.securityGroupId],
      transitEncryptionEnabled: true,
      authToken,
      atRestEncryptionEnabled: true,
      snapshotRetentionLimit: 0,
    });
    const host = group.attrConfigurationEndPointAddress;
    const url = `rediss://:${authToken}@${host}:${group.attrConfigurationEndPointPort}`;
    this.url = new Secret(this, "Url", {
      // ElastiCache has one address for the whole cluster; several URLs tell the server that it is one.
      secretStringValue: SecretValue.unsafePlainText(`${url},${url}`),
    });
  }
}
