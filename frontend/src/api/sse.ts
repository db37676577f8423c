export interface ServerSentEvent {
  readonly name: string;
  readonly data: string;
}

/**
 * A parser of `text/event-stream`: feed it pieces as they come, it returns the events that became whole.
 *
 * The browser's own EventSource hides comments, and with them the heartbeats that tell a quiet stream
 * from a dead one; it also reconnects by its own clock. Hence a reader of our own. `onRetry` hears after how
 * many milliseconds the server asks to be called again.
 */
export function createSseParser(
  onRetry: (ms: number) => void = () => {},
): (piece: string) => ServerSentEvent[] {
  let rest = "";
  let name = "";
  let data: string[] = [];

  const endEvent = (events: ServerSentEvent[]) => {
    if (data.length > 0) events.push({ name: name || "message", data: data.join("\n") });
    name = "";
    data = [];
  };

  const readField = (line: string) => {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") name = value;
    if (field === "data") data.push(value);
    if (field === "retry" && /^\d+$/.test(value)) onRetry(Number(value));
  };

  return piece => {
    const events: ServerSentEvent[] = [];
    // A carriage return at the very end may be half of a CRLF, so it waits for the next piece.
    const lines = (rest + piece).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") endEvent(events);
      else if (!line.startsWith(":")) readField(line);
    }
    return events;
  };
}
