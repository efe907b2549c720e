import type { UpdateWorkers } from "../workers/update-workers.ts";
import { OverBudgetError } from "../workers/worker-errors.ts";

/**
 * Shows a document, unless that recently exceeded the room's budget.
 *
 * @param show builds the result in the workers
 * @throws OverBudgetError, and whatever `show` throws
 */
export async function showWithinBudget<Shown>(
  room: string,
  { quarantine }: Pick<UpdateWorkers, "quarantine">,
  show: () => Promise<Shown>,
): Promise<Shown> {
  if (!quarantine.allows(room, "show")) {
    throw new OverBudgetError("time", "showing the document recently took too long");
  }
  try {
    const shown = await show();
    quarantine.pass(room, "show");
    return shown;
  } catch (error) {
    if (error instanceof OverBudgetError && error.budget !== "queue") {
      quarantine.exceed(room, "show", error);
    }
    throw error;
  }
}
