import { type ErrorCode, type Problem, RETRYABLE } from "../contract/generated";

/** The server understood and said no. */
export class RefusedError extends Error {
  constructor(readonly problem: Pick<Problem, "code" | "detail">) {
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
