import { useEffect, useState } from "preact/hooks";
import type { CloudStream, FollowListener, ServersApi } from "../../../api/backend";
import { ApiError, isTransient } from "../../../api/errors";
import { useApp } from "../../app-context";

/** How long to wait before a lost stream is opened again. */
const RETRY_MS = 3_000;

export type FollowState =
  | { readonly kind: "connecting" | "live" }
  | { readonly kind: "ended"; readonly error: Error | undefined; readonly reason: string | undefined };

interface FollowOptions<Chunk> {
  readonly open: (api: ServersApi, listener: FollowListener<Chunk>) => CloudStream;
  /** Called at each opening: what comes begins with the past. */
  readonly onBegin: () => void;
  readonly onChunk: (chunk: Chunk) => void;
}

const isAway = (error: unknown): boolean => error instanceof ApiError && error.code === "provider_away";

/**
 * Follow a stream as long as the caller is drawn, and open it again after the connection was lost, or after the agent
 * has stopped: that may come back. `options` must be
 * the same object as long as it means the same. Returns the state, and what opens a stream again that has ended.
 */
export function useFollow<Chunk>(options: FollowOptions<Chunk>): readonly [FollowState, () => void] {
  const { backend } = useApp();
  const [state, setState] = useState<FollowState>({ kind: "connecting" });
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each attempt opens another stream
  useEffect(() => {
    let stream: CloudStream | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stopped = false;
    let opened = false;
    const end = (error: Error | undefined, reason: string | undefined) => {
      if (stopped) return;
      if (isTransient(error) || (opened && isAway(error))) {
        setState({ kind: "connecting" });
        timer = setTimeout(() => void begin(), RETRY_MS);
      } else setState({ kind: "ended", error, reason });
    };
    const listener: FollowListener<Chunk> = {
      onOpen: () => {
        opened = true;
        options.onBegin();
        setState({ kind: "live" });
      },
      onChunk: options.onChunk,
      onClose: end,
    };
    const begin = async () => {
      try {
        const api = await backend.servers();
        if (!stopped) stream = options.open(api, listener);
      } catch (error) {
        end(error instanceof Error ? error : undefined, undefined);
      }
    };
    setState({ kind: "connecting" });
    void begin();
    return () => {
      stopped = true;
      clearTimeout(timer);
      stream?.close();
    };
  }, [backend, options, attempt]);
  return [state, () => setAttempt(n => n + 1)];
}
