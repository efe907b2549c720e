import { table } from "../src/report/table.ts";
import { deploymentFor } from "./deployment.ts";
import { short } from "./format.ts";
import { type Inputs, inputsWith } from "./inputs.ts";
import { MEASURED } from "./measured.ts";
import { moneyOf, perThousandClients } from "./money.ts";
import { PLACEMENTS } from "./spread.ts";

/** The number of connected clients. */
export const VARIED_SCALE = 1_000_000;

/** The inputs that each row changes. */
const VARIATIONS: readonly (readonly [text: string, changes: Partial<Inputs>])[] = [
  ["as above", {}],
  ["one client in 10 acts", { actingShare: 0.1 }],
  ["one client in 100 acts", { actingShare: 0.01 }],
  ["presence once a second", { presencePerSecond: 1 }],
  ["rooms of 10", { clientsPerRoom: 10 }],
  ["snapshots every 5 minutes", { snapshotSeconds: 300 }],
  ["a delivery costs half the CPU", { deliveryMicros: MEASURED.deliveryMicros.value / 2 }],
];

/**
 * Renders a Markdown table of what the cost depends on. @param changes to the inputs of all rows
 */
export function variations(changes: Partial<Inputs>): string {
  return table(
    ["", ...PLACEMENTS.flatMap((name) => [`${name}: servers`, "databases", "USD"])],
    VARIATIONS.map(([text, variation]) => [
      text,
      ...cells(inputsWith({ ...changes, ...variation })),
    ]),
  );
}

function cells(inputs: Inputs): string[] {
  return PLACEMENTS.flatMap((placement) => {
    const deployment = deploymentFor(inputs, VARIED_SCALE, placement);
    const money = perThousandClients(deployment, moneyOf(deployment));
    return [deployment.cells * deployment.cell.servers, deployment.cells, money].map(short);
  });
}
