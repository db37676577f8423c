import { type ErrorCode, type Problem, RETRYABLE } from "../contract/generated";

/** The server understood and said no. */
export class ApiError extends Error {
  constructor(readonly problem: Pick<Problem, "code" | "detail" | "retryAfter">) {
    super(`${problem.code}: ${problem.detail}`);
  }

  get code(): ErrorCode {
    return this.problem.code;
  }
}

/** Nobody answered, or what answered doesn't speak our language. */
export class NetworkError extends Error {}

/** Whether the same request may succeed a little later. */
export const isTransient = (error: unknown): boolean =>
  error instanceof NetworkError || (error instanceof ApiError && RETRYABLE.includes(error.code));

const MAX_RETRY_DELAY_MS = 15_000;

/** How long to leave the server in peace, in milliseconds: as long as it asks for, within reason. */
export const retryDelay = (retryAfterSeconds: number | undefined, otherwise: number): number =>
  retryAfterSeconds === undefined ? otherwise : Math.min(MAX_RETRY_DELAY_MS, retryAfterSeconds * 1000);
