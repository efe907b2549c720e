import { Duration, RemovalPolicy, Size, Stack } from "aws-cdk-lib";
import {
  AwsLogDriverMode,
  type ContainerDefinitionOptions,
  ContainerDependencyCondition,
  ContainerImage,
  Secret as ContainerSecret,
  FargateTaskDefinition,
  LogDrivers,
  UlimitName,
} from "aws-cdk-lib/aws-ecs";
import { ManagedPolicy, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import type { Database } from "./database.ts";
import { SERVER_PORT } from "./network.ts";
import type { Redis } from "./redis.ts";
import type { Stores } from "./stores.ts";

const IS_LIVE =
  `fetch("http://127.0.0.1:${SERVER_PORT}/health/live")` +
  ".then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))";

export interface TaskProps {
  readonly image: string;
  readonly stores: Stores;
  readonly database: Database;
  readonly redis: Redis;
}

/** The task of a server: a container that sets up the database and exits, then the server itself. */
export class Task extends Construct {
  readonly definition: FargateTaskDefinition;
  /** The application signs its users' tokens with it. */
  readonly tokenSecret: Secret;
  /** Unlocks the dashboard, the API and the metrics. */
  readonly adminToken: Secret;

  constructor(scope: Construct, id: string, { image, stores, database, redis }: TaskProps) {
    super(scope, id);
    this.definition = new FargateTaskDefinition(this, "Definition", {
      // One core is as much as the event loop can use.
      cpu: 1024,
      memoryLimitMiB: 2048,
      executionRole: new Role(this, "ExecutionRole", {
        assumedBy: new ServicePrincipal("ecs-tasks.amazonaws.com"),
        managedPolicies: [
          ManagedPolicy.fromAwsManagedPolicyName("service-role/AmazonECSTaskExecutionRolePolicy"),
        ],
      }),
    });
    allowStores(this.definition, stores);
    const logs = new LogGroup(this, "Logs", {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const container = (name: string): ContainerDefinitionOptions => ({
      containerName: name,
      image: ContainerImage.fromRegistry(image),
      // All data is in the services.
      readonlyRootFilesystem: true,
      logging: LogDrivers.awsLogs({
        streamPrefix: name,
        logGroup: logs,
        // Dropping log lines is better than blocking the server.
        mode: AwsLogDriverMode.NON_BLOCKING,
        maxBufferSize: Size.mebibytes(4),
      }),
    });
    const environment = { DATABASE_URL: database.url };
    const setup = this.definition.addContainer("setup", {
      ...container("setup"),
      command: ["setup"],
      essential: false,
      // It serves no clients, so it needs no access settings; loopback tells the server so.
      environment: { ...environment, HOST: "127.0.0.1" },
      secrets: database.credentials,
    });
    const secret = (name: string) =>
      new Secret(this, name, {
        generateSecretString: { passwordLength: 48, excludePunctuation: true },
      });
    this.tokenSecret = secret("TokenSecret");
    this.adminToken = secret("AdminToken");
    const server = this.definition.addContainer("server", {
      ...container("server"),
      portMappings: [{ containerPort: SERVER_PORT }],
      environment: {
        ...environment,
        PORT: String(SERVER_PORT),
        // The load balancer appends the client's address. Only it and other servers reach this one.
        TRUSTED_PROXIES: "1",
        S3_BUCKET: stores.snapshots.bucketName,
        DYNAMODB_TABLE: stores.registry.tableName,
        AWS_REGION: Stack.of(this).region,
      },
      secrets: {
        ...database.credentials,
        REDIS_URL: ContainerSecret.fromSecretsManager(redis.url),
        CLUSTER_SECRET: ContainerSecret.fromSecretsManager(secret("ClusterSecret")),
        AUTH_JWT_SECRET: ContainerSecret.fromSecretsManager(this.tokenSecret),
        ADMIN_TOKEN: ContainerSecret.fromSecretsManager(this.adminToken),
      },
      healthCheck: {
        command: ["CMD", "node", "-e", IS_LIVE],
        interval: Duration.seconds(15),
        timeout: Duration.seconds(5),
        startPeriod: Duration.seconds(15),
      },
      // The server finishes within 25 seconds.
      stopTimeout: Duration.seconds(30),
      ulimits: [{ name: UlimitName.NOFILE, softLimit: 65_535, hardLimit: 65_535 }],
    });
    server.addContainerDependencies({
      container: setup,
      condition: ContainerDependencyCondition.SUCCESS,
    });
  }
}

/**
 * Grants exactly the actions that the server performs. The stack creates bucket and table, not
 * `setup`.
 */
function allowStores(definition: FargateTaskDefinition, { snapshots, registry }: Stores): void {
  for (const [resource, actions] of [
    // Without it, S3 reports a missing snapshot as access denied.
    [snapshots.bucketArn, ["s3:ListBucket"]],
    [
      snapshots.arnForObjects("*"),
      ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
    ],
    [
      registry.tableArn,
      ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
    ],
  ] as const) {
    definition.addToTaskRolePolicy(
      new PolicyStatement({ resources: [resource], actions: [...actions] }),
    );
  }
}
