import { type ErrorCode, type Problem, RETRYABLE } from "../contract/generated";

/** An error response of the server, with its problem details. */
export class ApiError extends Error {
  constructor(readonly problem: Pick<Problem, "code" | "detail" | "field" | "retryAfter">) {
    super(`${problem.code}: ${problem.detail}`);
  }

  get code(): ErrorCode {
    return this.problem.code;
  }
}

/** No response, or a response that isn't one of this API. */
export class NetworkError extends Error {}

/** Whether the same request may succeed a little later. */
export const isTransient = (error: unknown): boolean =>
  error instanceof NetworkError || (error instanceof ApiError && RETRYABLE.includes(error.code));

const MAX_RETRY_DELAY_MS = 15_000;

/** The delay before a retry in milliseconds: the server's Retry-After up to a limit, else `otherwise`. */
export const retryDelay = (retryAfterSeconds: number | undefined, otherwise: number): number =>
  retryAfterSeconds === undefined ? otherwise : Math.min(MAX_RETRY_DELAY_MS, retryAfterSeconds * 1000);
