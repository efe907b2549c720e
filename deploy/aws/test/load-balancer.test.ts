import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { synthesise } from "./template.ts";

const CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/abc";
const template = synthesise();
const encrypted = synthesise({ certificate: CERTIFICATE });

describe("the load balancer", () => {
  it("checks whether servers accept clients, and picks the least busy one", () => {
    template.hasResourceProperties("AWS::ElasticLoadBalancingV2::TargetGroup", {
      TargetType: "ip",
      Port: 1234,
      Protocol: "HTTP",
      HealthCheckPath: "/health/accepting",
      HealthCheckIntervalSeconds: 5,
      TargetGroupAttributes: Match.arrayWith([
        { Key: "deregistration_delay.timeout_seconds", Value: "30" },
        { Key: "load_balancing.algorithm.type", Value: "least_outstanding_requests" },
      ]),
    });
  });

  it("keeps silent connections for longer than the servers' ping interval", () => {
    template.hasResourceProperties("AWS::ElasticLoadBalancingV2::LoadBalancer", {
      LoadBalancerAttributes: Match.arrayWith([
        { Key: "idle_timeout.timeout_seconds", Value: "120" },
      ]),
    });
  });

  it.each([
    ["without TLS", template, "HTTP"],
    ["with TLS", encrypted, "HTTPS"],
  ])("refuses what is only for servers, %s", (_name, each, protocol) => {
    const listeners = each.findResources("AWS::ElasticLoadBalancingV2::Listener", {
      Properties: { Protocol: protocol, DefaultActions: [{ Type: "forward" }] },
    });
    expect(Object.keys(listeners)).toHaveLength(1);
    each.hasResourceProperties("AWS::ElasticLoadBalancingV2::ListenerRule", {
      ListenerArn: { Ref: Object.keys(listeners)[0] },
      Priority: 1,
      Conditions: [{ Field: "path-pattern", PathPatternConfig: { Values: ["/cluster/*"] } }],
      Actions: [{ Type: "fixed-response", FixedResponseConfig: { StatusCode: "403" } }],
    });
  });

  it("is on the internet only on request, and then only with TLS", () => {
    template.hasResourceProperties("AWS::ElasticLoadBalancingV2::LoadBalancer", {
      Scheme: "internal",
    });
    expect(() => synthesise({ public: "true" })).toThrow("public=true needs certificate=<ARN>");
    synthesise({ public: "true", certificate: CERTIFICATE }).hasResourceProperties(
      "AWS::ElasticLoadBalancingV2::LoadBalancer",
      { Scheme: "internet-facing" },
    );
  });

  it("redirects HTTP to HTTPS if it has a certificate", () => {
    encrypted.hasResourceProperties("AWS::ElasticLoadBalancingV2::Listener", {
      Port: 80,
      DefaultActions: [
        { Type: "redirect", RedirectConfig: Match.objectLike({ Protocol: "HTTPS", Port: "443" }) },
      ],
    });
    encrypted.hasResourceProperties("AWS::ElasticLoadBalancingV2::Listener", {
      Port: 443,
      Certificates: [{ CertificateArn: CERTIFICATE }],
      SslPolicy: Match.stringLikeRegexp("TLS13"),
    });
  });
});
