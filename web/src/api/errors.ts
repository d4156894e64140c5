/** What can go wrong with a request, with all that a person needs to go on. */

/** The problem document of the API (RFC 9457), as far as we use it. */
interface Problem {
  title?: unknown;
  detail?: unknown;
  remedy?: unknown;
  request_id?: unknown;
}

const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

/** A request that did not bring an answer. `status` is 0 where the server was not reached. */
export class ApiError extends Error {
  readonly at = new Date();

  constructor(
    readonly status: number,
    readonly title: string | null,
    readonly detail: string | null,
    readonly remedy: string | null,
    readonly requestId: string | null,
  ) {
    super(detail ?? title ?? `HTTP ${status}`);
    this.name = "ApiError";
  }

  static ofResponse(response: Response, body: unknown): ApiError {
    const problem: Problem = typeof body === "object" && body !== null ? body : {};
    return new ApiError(
      response.status,
      text(problem.title),
      text(problem.detail),
      text(problem.remedy),
      text(problem.request_id) ?? response.headers.get("x-request-id"),
    );
  }

  static ofNetwork(cause: unknown): ApiError {
    const timedOut = cause instanceof DOMException && cause.name === "TimeoutError";
    return new ApiError(timedOut ? 504 : 0, null, null, null, null);
  }

  /** Worth asking again by ourselves: the next attempt may well succeed. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}
