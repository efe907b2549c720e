import { Codec } from "../../src/document/codec.ts";
import { type CodecTasks, codecTasks } from "../../src/document/codec-tasks.ts";

/** Does everything at once: the steps of a simulation would not wait for a thread. */
export class PromptCodec extends Codec {
  override async run<Name extends keyof CodecTasks>(
    task: Name,
    ...args: Parameters<CodecTasks[Name]>
  ): Promise<ReturnType<CodecTasks[Name]>> {
    const perform = codecTasks[task] as (...args: unknown[]) => ReturnType<CodecTasks[Name]>;
    return perform(...args);
  }

  override runInBackground<Name extends keyof CodecTasks>(
    task: Name,
    ...args: Parameters<CodecTasks[Name]>
  ): Promise<ReturnType<CodecTasks[Name]>> {
    return this.run(task, ...args);
  }
}
