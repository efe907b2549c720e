import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../../packages/server/src/config/read-config.ts";
import { command, environment, readDockerfile } from "../../image/test/dockerfile.ts";
import { containerOf, idOf, synthesise } from "./template.ts";

const template = synthesise();
const server = containerOf(template, "server");
const setup = containerOf(template, "setup");
const [image] = readDockerfile().slice(-1);
if (image === undefined) throw new Error("the Dockerfile has no stage");

describe("the service", () => {
  it("scales so that the servers are half busy", () => {
    template.hasResourceProperties("AWS::ApplicationAutoScaling::ScalableTarget", {
      MinCapacity: 2,
      MaxCapacity: 10,
      ScalableDimension: "ecs:service:DesiredCount",
    });
    template.hasResourceProperties("AWS::ApplicationAutoScaling::ScalingPolicy", {
      PolicyType: "TargetTrackingScaling",
      TargetTrackingScalingPolicyConfiguration: Match.objectLike({
        TargetValue: 50,
        PredefinedMetricSpecification: {
          PredefinedMetricType: "ECSServiceAverageCPUUtilization",
        },
      }),
    });
  });

  it("runs on Fargate, without public addresses, and is replaced without downtime", () => {
    template.hasResource("AWS::ECS::Service", {
      DependsOn: Match.arrayWith([idOf(template, "AWS::ElasticLoadBalancingV2::Listener")]),
      Properties: {
        LaunchType: "FARGATE",
        NetworkConfiguration: {
          AwsvpcConfiguration: Match.objectLike({
            AssignPublicIp: "DISABLED",
            SecurityGroups: [
              {
                "Fn::GetAtt": [
                  idOf(template, "AWS::EC2::SecurityGroup", "NetworkServers"),
                  "GroupId",
                ],
              },
            ],
          }),
        },
        DeploymentConfiguration: Match.objectLike({
          MinimumHealthyPercent: 100,
          DeploymentCircuitBreaker: { Enable: true, Rollback: true },
        }),
        LoadBalancers: [Match.objectLike({ ContainerName: "server", ContainerPort: 1234 })],
      },
    });
  });
});

describe("the task", () => {
  it("runs the image from the parameter, with a read-only file system", () => {
    for (const container of [server, setup]) {
      expect(container).toMatchObject({ Image: { Ref: "Image" }, ReadonlyRootFilesystem: true });
    }
  });

  it("sets up the database before the server starts", () => {
    expect(setup).toMatchObject({ Command: ["setup"], Essential: false });
    expect(server.DependsOn).toEqual([{ ContainerName: "setup", Condition: "SUCCESS" }]);
    expect(server.Command).toBeUndefined();
  });

  it("gives the server enough time to drain", () => {
    expect(server.StopTimeout).toBe(30);
  });

  it("checks health as the image does, on the image's port", () => {
    expect(server.PortMappings).toMatchObject([{ ContainerPort: Number(environment(image).PORT) }]);
    const [cmd, ...check] = (server.HealthCheck as { Command: string[] }).Command;
    const port = environment(image).PORT ?? "";
    const inImage = command(image, "HEALTHCHECK").map((word) =>
      word.replaceAll("`", '"').replace(/\$\{process\.env\.PORT\}/g, port),
    );
    expect([cmd, ...check]).toEqual(["CMD", ...inImage]);
  });

  it("logs to a group with a month's retention, and never blocks on it", () => {
    template.hasResourceProperties("AWS::Logs::LogGroup", { RetentionInDays: 30 });
    expect(server.LogConfiguration).toMatchObject({
      LogDriver: "awslogs",
      Options: { mode: "non-blocking" },
    });
  });

  it.each([
    ["server", server],
    ["setup", setup],
  ])("has an environment that the command %s accepts", (_name, container) => {
    // Values that CloudFormation fills in, and the contents of the secrets.
    const values: Record<string, string> = {
      DATABASE_URL: "postgres://database.example:5432/symphony?sslmode=verify-full",
      REDIS_URL: "rediss://:token@redis.example:6379,rediss://:token@redis.example:6379",
      CLUSTER_SECRET: "as long as a generated secret is",
      AUTH_JWT_SECRET: "as long as a generated secret is",
      ADMIN_TOKEN: "as long as a generated secret is",
    };
    const names = [...container.Environment, ...container.Secrets].map(({ Name }) => Name);
    const given = Object.fromEntries(
      container.Environment.map(({ Name, Value }) => [
        Name,
        typeof Value === "string" ? Value : (values[Name] ?? "filled-in"),
      ]),
    );
    const secrets = Object.fromEntries(
      container.Secrets.map(({ Name }) => [Name, values[Name] ?? "filled-in"]),
    );
    const config = readConfig({ ...environment(image), ...given, ...secrets });
    const known = new Set([...Object.keys(config), "AWS_REGION", "PGUSER", "PGPASSWORD"]);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });

  it("has all settings of a cluster, and passes secrets as secrets", () => {
    expect(server.Environment.map(({ Name }) => Name).sort()).toEqual([
      "AWS_REGION",
      "DATABASE_URL",
      "DYNAMODB_TABLE",
      "PORT",
      "S3_BUCKET",
      "TRUSTED_PROXIES",
    ]);
    // The load balancer reports client addresses; without that, all clients would share one's
    // limits.
    expect(server.Environment).toContainEqual({ Name: "TRUSTED_PROXIES", Value: "1" });
    // Clients need a token.
    expect(server.Secrets.map(({ Name }) => Name).sort()).toEqual([
      "ADMIN_TOKEN",
      "AUTH_JWT_SECRET",
      "CLUSTER_SECRET",
      "PGPASSWORD",
      "PGUSER",
      "REDIS_URL",
    ]);
    // The server finds out its own address.
    expect(JSON.stringify(server)).not.toContain("SERVER_ADDRESS");
    expect(JSON.stringify(server.Environment)).not.toContain("resolve:secretsmanager");
  });

  it("verifies the database's certificate with the ones in the image", () => {
    const url = JSON.stringify(server.Environment.find(({ Name }) => Name === "DATABASE_URL"));
    const copied = image.instructions.find(({ rest }) => rest.includes("rds-certificates.pem"));
    expect(copied?.rest).toBe("/build/rds-certificates.pem ./");
    const directory = image.instructions.find(({ name }) => name === "WORKDIR")?.rest;
    expect(url).toContain(`?sslmode=verify-full&sslrootcert=${directory}/rds-certificates.pem`);
  });
});
