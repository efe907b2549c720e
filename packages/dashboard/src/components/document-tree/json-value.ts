import type { Root } from "../../../../server/src/http/api/schemas.ts";

/** A value of a document, as JSON. */
export type JsonValue = Root["value"];
