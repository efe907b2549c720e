import type { Node } from "constructs";

/** The settings that decide which resources are created. Pass them as context: `-c name=value`. */
export interface Settings {
  /** Whether the load balancer is reachable from the internet, or only from inside the network. */
  readonly isPublic: boolean;
  /** The ARN of a certificate for TLS; without it, connections are not encrypted. */
  readonly certificate: string | undefined;
}

/** @throws Error if a setting is invalid, or they contradict each other */
export function readSettings(node: Node): Settings {
  const isPublic = node.tryGetContext("public") === "true";
  const certificate: unknown = node.tryGetContext("certificate");
  if (certificate !== undefined && typeof certificate !== "string") {
    throw new Error("certificate must be the ARN of a certificate");
  }
  if (isPublic && certificate === undefined) {
    throw new Error("public=true needs certificate=<ARN>: on the internet only with TLS");
  }
  return { isPublic, certificate };
}
