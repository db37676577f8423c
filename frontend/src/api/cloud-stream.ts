import { type CloudEvent, SSE_CHANGE, SSE_RESET } from "../contract/generated";
import type { CloudListener, CloudStream } from "./backend";
import { createSseParser } from "./sse";

/** Three heartbeats of the server missed: the stream has died without saying so. */
const HEARTBEAT_TIMEOUT_MS = 45_000;

/** Follow the cloud's events over a fetch that never ends; one `onClose`, however it ends. */
export function openCloudStream(
  url: string,
  listener: CloudListener,
  token: string | undefined,
): CloudStream {
  const abort = new AbortController();
  let watchdog: ReturnType<typeof setTimeout> | undefined;
  let closed = false;
  let retryAfterMs: number | undefined;

  const close = () => {
    closed = true;
    clearTimeout(watchdog);
    abort.abort();
  };
  const fail = () => {
    if (closed) return;
    close();
    listener.onClose(retryAfterMs);
  };
  const resetWatchdog = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(fail, HEARTBEAT_TIMEOUT_MS);
  };

  const dispatch = (piece: string, parse: ReturnType<typeof createSseParser>) => {
    const changes: CloudEvent[] = [];
    let reset = false;
    for (const event of parse(piece)) {
      if (event.name === SSE_CHANGE) changes.push(JSON.parse(event.data) as CloudEvent);
      if (event.name === SSE_RESET) reset = true;
    }
    if (changes.length > 0) listener.onChanges(changes);
    if (reset) listener.onReset();
  };

  const read = async () => {
    resetWatchdog();
    const proof = token ? { Authorization: `Bearer ${token}` } : {};
    const headers = { Accept: "text/event-stream", ...proof };
    const response = await fetch(url, { headers, signal: abort.signal });
    const isStream = response.headers.get("Content-Type")?.startsWith("text/event-stream");
    if (!response.ok || !isStream || !response.body) return;
    listener.onOpen();
    const parse = createSseParser(ms => {
      retryAfterMs = ms;
    });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let chunk = await reader.read(); !chunk.done && !closed; chunk = await reader.read()) {
      resetWatchdog();
      dispatch(chunk.value, parse);
    }
  };

  // Any way in which reading ends, an error included, means: connect again and resume.
  read().then(fail, fail);
  return { close };
}
