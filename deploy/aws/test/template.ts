import { App, BootstraplessSynthesizer } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { readSettings } from "../src/settings.ts";
import { SymphonyStack } from "../src/symphony-stack.ts";

/** The template that this context produces. */
export function synthesise(context: Readonly<Record<string, string>> = {}): Template {
  const app = new App({ context, analyticsReporting: false });
  const stack = new SymphonyStack(app, "Symphony", {
    synthesizer: new BootstraplessSynthesizer(),
    settings: readSettings(app.node),
  });
  return Template.fromStack(stack);
}

/** The logical id of the only resource of this type whose id begins with `prefix`. */
export function idOf(template: Template, type: string, prefix = ""): string {
  const ids = Object.keys(template.findResources(type)).filter((id) => id.startsWith(prefix));
  const [id] = ids;
  if (id === undefined || ids.length > 1) {
    throw new Error(`${ids.length} resources of the type ${type} begin with ${prefix}`);
  }
  return id;
}

export interface ContainerJson {
  readonly Name: string;
  readonly Environment: readonly { readonly Name: string; readonly Value: unknown }[];
  readonly Secrets: readonly { readonly Name: string; readonly ValueFrom: unknown }[];
  readonly [property: string]: unknown;
}

/** A container of the task. */
export function containerOf(template: Template, name: string): ContainerJson {
  const [task] = Object.values(template.findResources("AWS::ECS::TaskDefinition"));
  const containers: readonly ContainerJson[] = task?.Properties.ContainerDefinitions ?? [];
  const found = containers.find((container) => container.Name === name);
  if (found === undefined) throw new Error(`there is no container ${name}`);
  return found;
}
