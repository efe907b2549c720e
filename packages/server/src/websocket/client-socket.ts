import { WebSocket } from "ws";
import type { Admission } from "../auth/connection-limits.ts";
import { CloseCode } from "./close-code.ts";

/** A WebSocket whose refusals this server sends itself, when it wants to. */
export class ClientSocket extends WebSocket {
  /** Why `ws` would have closed it. An `error` follows. */
  fault: CloseCode | null = null;
  /** Counts it as a connection. */
  admission: Admission | null = null;

  /** `ws` passes a code without a reason only for what the client did wrong. */
  override close(code?: number, data?: string | Buffer): void {
    if (code === undefined || data !== undefined) super.close(code, data);
    // Providers that know the band of 4400 do not come back.
    else this.fault = code === 1009 ? CloseCode.tooLarge : (code as CloseCode);
  }
}
