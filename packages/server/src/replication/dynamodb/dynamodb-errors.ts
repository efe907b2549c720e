import {
  ConditionalCheckFailedException,
  ResourceNotFoundException,
} from "@aws-sdk/client-dynamodb";
import { reasonOf } from "../../runtime/reason.ts";
import { RegistryError } from "../registry.ts";

/** Wraps an error with a one-line explanation for the operator. */
export function asRegistryError(error: unknown, table: string): RegistryError {
  if (error instanceof RegistryError) return error;
  return new RegistryError(explanationOf(error, table), { cause: error });
}

/**
 * Resolves to `true` once a conditional write is made, or to `false` if its condition did not hold.
 */
export async function conditionHeld(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

function explanationOf(error: unknown, table: string): string {
  if (error instanceof ResourceNotFoundException) {
    return `the DynamoDB table ${table} does not exist; run symphony-backend setup`;
  }
  if (!(error instanceof Error)) return `DynamoDB: ${reasonOf(error)}`;
  if (error.name === "ValidationException" && /key/i.test(error.message)) {
    return `the DynamoDB table ${table} is not one of symphony-backend (${error.message}); name another in DYNAMODB_TABLE, and run symphony-backend setup`;
  }
  if (error.name === "TimeoutError") return "DynamoDB is not responding";
  return `DynamoDB: ${reasonOf(error) || error.name}`;
}
