import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { idOf, synthesise } from "./template.ts";

const template = synthesise();
const group = (name: string) => idOf(template, "AWS::EC2::SecurityGroup", `Network${name}`);
const idOfGroup = (name: string) => ({ "Fn::GetAtt": [group(name), "GroupId"] });

describe("the network", () => {
  it("spans two zones, with subnets for the balancer, servers and stores", () => {
    template.resourceCountIs("AWS::EC2::Subnet", 6);
    template.resourceCountIs("AWS::EC2::NatGateway", 2);
    const zones = Object.values(template.findResources("AWS::EC2::Subnet")).map(({ Properties }) =>
      JSON.stringify(Properties.AvailabilityZone),
    );
    expect(new Set(zones).size).toBe(2);
  });

  it("connects servers to S3 and DynamoDB without the NAT gateways", () => {
    for (const service of ["s3", "dynamodb"]) {
      template.hasResourceProperties("AWS::EC2::VPCEndpoint", {
        VpcEndpointType: "Gateway",
        ServiceName: {
          "Fn::Join": ["", ["com.amazonaws.", { Ref: "AWS::Region" }, `.${service}`]],
        },
      });
    }
  });

  it.each([
    ["the balancer reaches servers", "Balancer", "Servers", 1234],
    ["servers reach each other", "Servers", "Servers", 1234],
    ["servers reach Redis", "Servers", "Redis", 6379],
    ["servers reach the database", "Servers", "Database", 5432],
  ])("%s", (_what, from, to, port) => {
    template.hasResourceProperties("AWS::EC2::SecurityGroupIngress", {
      IpProtocol: "tcp",
      FromPort: port,
      ToPort: port,
      SourceSecurityGroupId: idOfGroup(from),
      GroupId: idOfGroup(to),
    });
  });

  it("lets nothing else in", () => {
    template.resourceCountIs("AWS::EC2::SecurityGroupIngress", 4);
    const groups = template.findResources("AWS::EC2::SecurityGroup", {
      Properties: { SecurityGroupIngress: Match.anyValue() },
    });
    expect(Object.keys(groups)).toEqual([group("Balancer")]);
  });

  it("lets clients of the network in, and those of the internet only on request", () => {
    template.hasResourceProperties("AWS::EC2::SecurityGroup", {
      SecurityGroupIngress: [
        Match.objectLike({
          CidrIp: Match.objectLike({ "Fn::GetAtt": Match.anyValue() }),
          FromPort: 80,
        }),
      ],
    });
    const open = synthesise({ public: "true", certificate: "arn:aws:acm:x:1:certificate/y" });
    open.hasResourceProperties("AWS::EC2::SecurityGroup", {
      SecurityGroupIngress: [
        Match.objectLike({ CidrIp: "0.0.0.0/0", FromPort: 80, ToPort: 80 }),
        Match.objectLike({ CidrIp: "0.0.0.0/0", FromPort: 443, ToPort: 443 }),
      ],
    });
    // The listeners open no ports by themselves.
    open.resourceCountIs("AWS::EC2::SecurityGroupIngress", 4);
  });
});
