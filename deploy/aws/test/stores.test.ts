import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { EXPIRES, KEY } from "../../../packages/server/src/replication/dynamodb/items.ts";
import { idOf, synthesise } from "./template.ts";

const template = synthesise();

describe("the bucket", () => {
  it("is private and encrypted, and rejects unencrypted requests", () => {
    template.hasResourceProperties("AWS::S3::Bucket", {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          { ServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } },
        ],
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] },
    });
    template.hasResourceProperties("AWS::S3::BucketPolicy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: "Deny",
            Condition: { Bool: { "aws:SecureTransport": "false" } },
          }),
        ]),
      },
    });
  });

  it("keeps old versions for a month, and outlives the stack", () => {
    template.hasResource("AWS::S3::Bucket", {
      DeletionPolicy: "Retain",
      Properties: {
        VersioningConfiguration: { Status: "Enabled" },
        LifecycleConfiguration: {
          Rules: [
            Match.objectLike({
              Status: "Enabled",
              NoncurrentVersionExpiration: { NoncurrentDays: 30 },
              AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
            }),
          ],
        },
      },
    });
  });
});

describe("the table", () => {
  it("has the key that the server uses, is billed by use, and can be restored", () => {
    template.hasResource("AWS::DynamoDB::Table", {
      DeletionPolicy: "Retain",
      Properties: {
        KeySchema: [{ AttributeName: KEY, KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: KEY, AttributeType: "S" }],
        BillingMode: "PAY_PER_REQUEST",
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        TimeToLiveSpecification: { AttributeName: EXPIRES, Enabled: true },
      },
    });
  });
});

describe("the database", () => {
  it("is PostgreSQL in two zones, encrypted, backed up, and not reachable from outside", () => {
    template.hasResource("AWS::RDS::DBInstance", {
      DeletionPolicy: "Snapshot",
      Properties: {
        Engine: "postgres",
        MultiAZ: true,
        StorageEncrypted: true,
        BackupRetentionPeriod: 7,
        DeletionProtection: true,
        PubliclyAccessible: false,
        VPCSecurityGroups: [
          {
            "Fn::GetAtt": [idOf(template, "AWS::EC2::SecurityGroup", "NetworkDatabase"), "GroupId"],
          },
        ],
      },
    });
  });

  it("has a generated password", () => {
    const secret = idOf(template, "AWS::SecretsManager::Secret", "DatabaseSecret");
    const password = template.findResources("AWS::RDS::DBInstance");
    expect(JSON.stringify(password)).toContain("{{resolve:secretsmanager:");
    template.hasResourceProperties("AWS::SecretsManager::Secret", {
      GenerateSecretString: Match.objectLike({
        GenerateStringKey: "password",
        SecretStringTemplate: '{"username":"symphony"}',
      }),
    });
    template.hasResourceProperties("AWS::SecretsManager::SecretTargetAttachment", {
      SecretId: { Ref: secret },
    });
  });
});

describe("Redis", () => {
  it("is a cluster in two zones, encrypted, and requires a token", () => {
    template.hasResourceProperties("AWS::ElastiCache::ReplicationGroup", {
      CacheParameterGroupName: "default.redis7.cluster.on",
      AutomaticFailoverEnabled: true,
      MultiAZEnabled: true,
      ReplicasPerNodeGroup: 1,
      TransitEncryptionEnabled: true,
      AtRestEncryptionEnabled: true,
      AuthToken: Match.objectLike({ "Fn::Join": Match.anyValue() }),
      SecurityGroupIds: [
        { "Fn::GetAtt": [idOf(template, "AWS::EC2::SecurityGroup", "NetworkRedis"), "GroupId"] },
      ],
    });
  });

  it("is passed to servers as a cluster, over TLS and with the token", () => {
    const id = idOf(template, "AWS::SecretsManager::Secret", "RedisUrl");
    const { Properties } = template.findResources("AWS::SecretsManager::Secret")[id] ?? {};
    const parts: readonly unknown[] = Properties.SecretString["Fn::Join"][1];
    const filled = parts
      .map((part) => {
        if (typeof part === "string") return part;
        const json = JSON.stringify(part);
        if (json.includes("ConfigurationEndPoint.Address")) return "redis.example";
        return json.includes("ConfigurationEndPoint.Port") ? "6379" : "arn";
      })
      .join("");
    const url = "rediss://:{{resolve:secretsmanager:arn:SecretString:::}}@redis.example:6379";
    expect(filled).toBe(`${url},${url}`);
  });
});
