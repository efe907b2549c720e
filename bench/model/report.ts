import { table } from "../src/report/table.ts";
import { type Deployment, deploymentFor } from "./deployment.ts";
import { FIGURES } from "./figures.ts";
import { short } from "./format.ts";
import { type Inputs, inputsWith } from "./inputs.ts";
import { MONEY_ITEMS, type Money, moneyOf, perThousandClients, totalOf } from "./money.ts";
import { notesOn } from "./notes.ts";
import { PLACEMENTS } from "./spread.ts";
import { VARIED_SCALE, variations } from "./variations.ts";

/** The numbers of connected clients. */
const SCALES: readonly number[] = [10_000, 1_000_000, 100_000_000];

/** How many of the largest cost items are listed. */
const NAMED_ITEMS = 4;

/** One column of the tables. */
interface Case {
  readonly name: string;
  readonly deployment: Deployment;
  readonly money: Money;
}

/**
 * Renders the tables in Markdown.
 *
 * @param changes to the default inputs
 * @throws Error if the inputs contradict each other
 */
export function report(changes: Partial<Inputs>): string {
  const inputs = inputsWith(changes);
  const cases = SCALES.flatMap((clients) =>
    PLACEMENTS.map((placement) => caseOf(deploymentFor(inputs, clients, placement))),
  );
  const header = ["connected clients", ...cases.map(({ name }) => name)];
  const row = (label: string, of: (one: Case) => number): string[] => [
    label,
    ...cases.map((one) => short(of(one))),
  ];
  return [
    "## Servers, services and requests",
    table(
      header,
      FIGURES.map(([label, of]) => row(label, ({ deployment }) => of(deployment))),
    ),
    notesOn(cases.map(({ deployment }) => deployment)),
    "## Money",
    "USD a month.",
    table(header, [
      ...MONEY_ITEMS.map((item) => row(item, ({ money }) => money[item])),
      row("**all**", ({ money }) => totalOf(money)),
      row("**for 1,000 clients**", ({ deployment, money }) =>
        perThousandClients(deployment, money),
      ),
    ]),
    cases.map(({ name, money }) => `- ${name}: ${largest(money)}`).join("\n"),
    "## What the cost depends on",
    `${short(VARIED_SCALE)} connected clients; USD a month for 1,000 of them.`,
    variations(changes),
  ].join("\n\n");
}

function caseOf(deployment: Deployment): Case {
  const { clients, placement } = deployment;
  return { name: `${short(clients)}, ${placement}`, deployment, money: moneyOf(deployment) };
}

/** Lists the largest cost items. */
function largest(money: Money): string {
  const total = totalOf(money);
  return [...MONEY_ITEMS]
    .sort((a, b) => money[b] - money[a])
    .slice(0, NAMED_ITEMS)
    .map((item) => `${item} ${((100 * money[item]) / total).toFixed(0)} %`)
    .join(", ");
}
