/** Typed requests: an answer, or an ApiError. */
import createClient from "openapi-fetch";
import { ApiError } from "@/api/errors";
import type { paths } from "@/api/schema.gen";

const timeoutMs = 20_000;

/** Aborts with the caller's signal, and by itself when the server stays silent. */
async function patientFetch(request: Request): Promise<Response> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([request.signal, timeout]);
  try {
    return await globalThis.fetch(request, { signal });
  } catch (cause) {
    if (request.signal.aborted) throw cause;
    throw ApiError.ofNetwork(timeout.aborted ? timeout.reason : cause);
  }
}

export const client = createClient<paths>({ baseUrl: globalThis.location.origin, fetch: patientFetch });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Unwraps an answer of the client; throws ApiError for everything but a success. */
export async function read<T>(request: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await request;
  } catch (cause) {
    if (cause instanceof SyntaxError) throw new ApiError(502, null, cause.message, null, null);
    throw cause;
  }
  if (!answer.response.ok || answer.data === undefined) throw ApiError.ofResponse(answer.response, answer.error);
  return answer.data;
}

/** Where a stored marketplace response can be opened as it was received. */
export const rawResponseUrl = (sha256: string) => `/api/v1/raw/${encodeURIComponent(sha256)}`;
