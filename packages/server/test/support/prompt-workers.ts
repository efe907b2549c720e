import { type UpdateTasks, updateTasks } from "../../src/room/workers/update-tasks.ts";
import { UpdateWorkers } from "../../src/room/workers/update-workers.ts";

/** Runs every task synchronously, because the steps under test do not wait for a thread. */
export class PromptWorkers extends UpdateWorkers {
  override async run<Name extends keyof UpdateTasks>(
    _room: string,
    task: Name,
    ...args: Parameters<UpdateTasks[Name]>
  ): Promise<ReturnType<UpdateTasks[Name]>> {
    const perform = updateTasks[task] as (...args: unknown[]) => ReturnType<UpdateTasks[Name]>;
    return perform(...args);
  }

  override attempt<Name extends keyof UpdateTasks>(
    room: string,
    task: Name,
    ...args: Parameters<UpdateTasks[Name]>
  ): Promise<ReturnType<UpdateTasks[Name]>> {
    return this.run(room, task, ...args);
  }

  override runInBackground<Name extends keyof UpdateTasks>(
    room: string,
    task: Name,
    ...args: Parameters<UpdateTasks[Name]>
  ): Promise<ReturnType<UpdateTasks[Name]>> {
    return this.run(room, task, ...args);
  }
}
