import { WebSocket } from "ws";
import type { Admission } from "../auth/connection-limits.ts";
import { CloseCode } from "./close-code.ts";

/** A WebSocket that leaves closing after a protocol error to this server, which may delay it. */
export class ClientSocket extends WebSocket {
  /** The code with which `ws` would have closed it. An `error` event follows. */
  fault: CloseCode | null = null;
  /** Its place among the connections counted by `ConnectionLimits`. */
  admission: Admission | null = null;

  /** `ws` passes a code without a reason only for a protocol error of the client. */
  override close(code?: number, data?: string | Buffer): void {
    if (code === undefined || data !== undefined) super.close(code, data);
    // Unlike 1009, 4413 stops providers that know the 44xx codes from reconnecting.
    else this.fault = code === 1009 ? CloseCode.tooLarge : (code as CloseCode);
  }
}
