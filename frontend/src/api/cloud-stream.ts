import { createParser } from "eventsource-parser";
import { type CloudEvent, SSE_CHANGE, SSE_RESET } from "../contract/generated";
import type { CloudListener, CloudStream } from "./backend";

/**
 * Subscribe to the event stream of the cloud; calls `onClose` once, however the stream ends.
 *
 * It reads the stream with `fetch`, because the browser's EventSource hides the heartbeats, which are comments,
 * and reconnects on its own schedule.
 */
export function openCloudStream(
  url: string,
  listener: CloudListener,
  token: string | undefined,
): CloudStream {
  const abort = new AbortController();
  let closed = false;
  let retryAfterMs: number | undefined;
  // What one chunk of the body contained.
  let changes: CloudEvent[] = [];
  let reset = false;

  const close = () => {
    closed = true;
    abort.abort();
  };
  const fail = () => {
    if (closed) return;
    close();
    listener.onClose(retryAfterMs);
  };

  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event === SSE_CHANGE) changes.push(JSON.parse(data) as CloudEvent);
      if (event === SSE_RESET) reset = true;
    },
    onRetry: ms => {
      retryAfterMs = ms;
    },
  });
  const dispatch = (chunk: string) => {
    changes = [];
    reset = false;
    parser.feed(chunk);
    listener.onAlive();
    if (changes.length > 0) listener.onChanges(changes);
    if (reset) listener.onReset();
  };

  const read = async () => {
    const authorization = token ? { Authorization: `Bearer ${token}` } : {};
    const headers = { Accept: "text/event-stream", ...authorization };
    const response = await fetch(url, { headers, signal: abort.signal });
    const isStream = response.headers.get("Content-Type")?.startsWith("text/event-stream");
    if (!response.ok || !isStream || !response.body) return;
    listener.onOpen();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let chunk = await reader.read(); !chunk.done && !closed; chunk = await reader.read())
      dispatch(chunk.value);
  };

  // Whether the stream ends or fails, the caller reconnects and resumes.
  read().then(fail, fail);
  return { close };
}
