import { parentPort, workerData } from "node:worker_threads";
import { MalformedError } from "../protocol/malformed-error.ts";
import { runInBackground } from "../runtime/background-thread.ts";
import { releaseBytes } from "../runtime/memory.ts";
import {
  type CodecRequest,
  type CodecResponse,
  codecTasks,
  type WorkerPriority,
} from "./codec-tasks.ts";

const priority: WorkerPriority = workerData;
if (priority === "background") runInBackground();

parentPort?.on("message", (request: CodecRequest) => {
  const response = answer(request);
  parentPort?.postMessage(response);
  releaseBytes(request.args);
  if ("result" in response) releaseBytes(bytesOf(response.result));
});

function answer(request: CodecRequest): CodecResponse {
  try {
    return { id: request.id, result: perform(request) };
  } catch (error) {
    return {
      id: request.id,
      error: {
        malformed: error instanceof MalformedError,
        message: error instanceof Error ? error.message : String(error),
      },
    };
  }
}

/** The byte arrays of a result; it has been copied to the other thread. */
function bytesOf(result: ReturnType<typeof perform>): readonly Uint8Array[] {
  if (result instanceof Uint8Array) return [result];
  return "frame" in result ? [result.frame, result.stateVector] : [];
}

function perform(request: CodecRequest) {
  switch (request.task) {
    case "inspect":
      return codecTasks.inspect(...request.args);
    case "diff":
      return codecTasks.diff(...request.args);
    case "makeBase":
      return codecTasks.makeBase(...request.args);
    case "toJson":
      return codecTasks.toJson(...request.args);
    case "rootsToJson":
      return codecTasks.rootsToJson(...request.args);
  }
}
