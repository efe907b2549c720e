import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type Measured, measuredDocuments } from "./measured-documents.ts";
import { namesOf } from "./parse-exposition.ts";

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly description?: string;
  readonly targets?: readonly { readonly expr: string }[];
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number };
}

const deploy = new URL("../../../../deploy/", import.meta.url);
let measured: Measured;
/** The metrics that can be queried. */
const names = new Set<string>();

beforeAll(async () => {
  measured = await measuredDocuments();
  const { types } = await measured.scrape();
  for (const [name, type] of types) for (const one of namesOf(name, type)) names.add(one);
});
afterAll(() => measured.close());

function namesIn(expression: string): string[] {
  return expression.match(/\b(?:symphony|process|nodejs)_\w+/g) ?? [];
}

function unknownIn(expressions: readonly string[]): string[] {
  return expressions.flatMap(namesIn).filter((name) => !names.has(name));
}

describe("the Grafana dashboard", async () => {
  const dashboard = JSON.parse(
    await readFile(new URL("grafana/dashboard.json", deploy), "utf8"),
  ) as {
    readonly panels: readonly Panel[];
    readonly templating: { readonly list: readonly { readonly definition?: string }[] };
  };
  const { panels, templating } = dashboard;
  const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

  it("queries only metrics that a server exports", () => {
    expect(unknownIn(expressions)).toEqual([]);
    expect(unknownIn(templating.list.map(({ definition = "" }) => definition))).toEqual([]);
    expect(expressions.every((expression) => namesIn(expression).length > 0)).toBe(true);
  });

  it("shows every metric of a server", () => {
    const shown = new Set(expressions.flatMap(namesIn).map(baseOf));
    const own = [...names].filter((name) => name.startsWith("symphony_")).map(baseOf);
    expect(own.filter((name) => !shown.has(name))).toEqual([]);
  });

  it("describes every panel, and gives each its own id and position", () => {
    const graphs = panels.filter(({ targets }) => targets !== undefined);
    expect(graphs.filter(({ description = "" }) => description === "")).toEqual([]);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ gridPos: { x, y } }) => `${x} ${y}`)).size).toBe(panels.length);
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
  });
});

describe("the example alerts", async () => {
  const { groups } = parse(await readFile(new URL("prometheus/alerts.yml", deploy), "utf8")) as {
    readonly groups: readonly {
      readonly rules: readonly {
        readonly alert: string;
        readonly expr: string;
        readonly annotations: { readonly summary: string; readonly description: string };
      }[];
    }[];
  };
  const rules = groups.flatMap((group) => group.rules);

  it("query only metrics that a server exports", () => {
    expect(rules.length).toBeGreaterThan(0);
    expect(unknownIn(rules.map(({ expr }) => expr))).toEqual([]);
  });

  it("have unique names, and say what to look at", () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { annotations } of rules) {
      expect(annotations.summary).toContain("{{ $labels.instance }}");
      expect(annotations.description).not.toBe("");
    }
  });
});

/** The metric that a sample belongs to. */
function baseOf(name: string): string {
  return name.replace(/_(?:bucket|sum|count)$/, "");
}
