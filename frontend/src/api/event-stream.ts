import { createParser } from "eventsource-parser";
import type { Problem } from "../contract/generated";
import type { CloudStream } from "./backend";
import { ApiError, NetworkError } from "./errors";

/** The callbacks of an event stream; nothing is called after `onClose`. */
export interface EventListener {
  onOpen(): void;
  onEvent(event: string, data: string): void;
  /** `error`: why the stream failed; undefined if the server ended it. */
  onClose(error: Error | undefined): void;
}

/** The error of a response that isn't an event stream. */
async function errorOf(response: Response): Promise<Error> {
  const body = (await response.json().catch(() => undefined)) as Problem | undefined;
  return body?.code ? new ApiError(body) : new NetworkError(`HTTP ${response.status}`);
}

/**
 * Read an event stream with `fetch`, which sends the token in a header, and tells an error response from a lost
 * connection. Calls `onClose` once, however the stream ends, unless it is closed here.
 */
export function openEventStream(
  url: string,
  token: string | undefined,
  listener: EventListener,
): CloudStream {
  const abort = new AbortController();
  let closed = false;
  const finish = (error?: Error) => {
    if (closed) return;
    closed = true;
    abort.abort();
    listener.onClose(error);
  };
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (!closed) listener.onEvent(event ?? "message", data);
    },
  });
  const read = async (): Promise<Error | undefined> => {
    const headers = { Accept: "text/event-stream", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    const response = await fetch(url, { headers, signal: abort.signal });
    const isStream = response.headers.get("Content-Type")?.startsWith("text/event-stream");
    if (!response.ok || !isStream || !response.body) return errorOf(response);
    if (!closed) listener.onOpen();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let chunk = await reader.read(); !chunk.done && !closed; chunk = await reader.read())
      parser.feed(chunk.value);
    return undefined;
  };
  read().then(finish, error => finish(new NetworkError(String(error))));
  return {
    close: () => {
      closed = true;
      abort.abort();
    },
  };
}
