import { useEffect, useState } from "preact/hooks";
import { EventStream, type EventStreamOptions, type StreamState } from "./event-stream.ts";

/**
 * Keeps an event stream open while a component is mounted. Only the options of the first render count:
 * give the component a `key` if they may change.
 */
export function useEventStream(options: EventStreamOptions): StreamState {
  const [stream, setStream] = useState<EventStream>();
  useEffect(() => {
    const opened = new EventStream(options);
    setStream(opened);
    return () => opened.close();
  }, []);
  return stream?.state.value ?? { status: "connecting" };
}
