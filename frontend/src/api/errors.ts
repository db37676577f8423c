import { type ErrorCode, type Problem, RETRYABLE } from "../contract/generated";

/** The server understood and said no. */
export class RefusedError extends Error {
  constructor(readonly problem: Pick<Problem, "code" | "detail" | "retryAfter">) {
    super(`${problem.code}: ${problem.detail}`);
  }

  get code(): ErrorCode {
    return this.problem.code;
  }
}

/** Nobody answered, or what answered doesn't speak our language. */
export class UnreachableError extends Error {}

/** Whether the same request may succeed a little later. */
export const isTransient = (error: unknown): boolean =>
  error instanceof UnreachableError || (error instanceof RefusedError && RETRYABLE.includes(error.code));

const LONGEST_PAUSE_MS = 15_000;

/** How long to leave the server in peace, in milliseconds: as long as it asks for, within reason. */
export const pauseAfter = (retryAfterSeconds: number | undefined, otherwise: number): number =>
  retryAfterSeconds === undefined ? otherwise : Math.min(LONGEST_PAUSE_MS, retryAfterSeconds * 1000);
