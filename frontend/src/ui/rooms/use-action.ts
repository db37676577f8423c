import { useEffect, useRef, useState } from "preact/hooks";
import type { RoomsApi } from "../../api/backend";
import { ApiError } from "../../api/errors";
import { useApp } from "../app-context";
import { dictionary } from "../settings/preferences";
import { roomsDictionary } from "./rooms-dictionary";

/** Why an action failed. */
export interface Problem {
  /** The field that it is about, if it is about one. */
  readonly field?: string | undefined;
  readonly text: string;
}

function problemOf(error: unknown): Problem {
  const code = error instanceof ApiError ? error.code : "unreachable";
  const text = roomsDictionary.peek().problem(code) ?? dictionary.peek().error(code);
  return { text, field: error instanceof ApiError ? error.problem.field : undefined };
}

export interface RoomAction {
  readonly isBusy: boolean;
  readonly problem: Problem | undefined;
  /** The problem at a field; of one that is about none of `fields`, `rest` has the text. */
  readonly at: (field: string) => string;
  readonly rest: (...fields: readonly string[]) => string;
  /** Do `work`, one at a time; resolves to what it returned, or to undefined if it failed. */
  readonly run: <T>(work: (api: RoomsApi, token: string | undefined) => Promise<T>) => Promise<T | undefined>;
}

/** What a user does to rooms, with the problem of the last attempt. */
export function useRoomAction(): RoomAction {
  const { backend, store } = useApp();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const isMounted = useRef(true);
  useEffect(
    () => () => {
      isMounted.current = false;
    },
    [],
  );
  return {
    isBusy,
    problem,
    at: field => (problem?.field === field ? problem.text : ""),
    rest: (...fields) => (problem && !fields.includes(problem.field ?? "") ? problem.text : ""),
    run: async work => {
      if (isBusy) return undefined;
      setBusy(true);
      setProblem(undefined);
      try {
        return await work(await backend.rooms(), store.token);
      } catch (error) {
        if (isMounted.current) setProblem(problemOf(error));
        return undefined;
      } finally {
        if (isMounted.current) setBusy(false);
      }
    },
  };
}
