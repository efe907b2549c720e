import { parentPort } from "node:worker_threads";
import { MalformedError } from "../protocol/malformed-error.ts";
import { type CodecRequest, type CodecResponse, codecTasks } from "./codec-tasks.ts";

parentPort?.on("message", (request: CodecRequest) => {
  parentPort?.postMessage(answer(request));
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

function perform(request: CodecRequest) {
  switch (request.task) {
    case "inspect":
      return codecTasks.inspect(...request.args);
    case "diff":
      return codecTasks.diff(...request.args);
    case "makeBase":
      return codecTasks.makeBase(...request.args);
  }
}
