/** One request to a service. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** No complete response arrived. `message` gives the reason and quotes no part of the request. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure';
}

/** Redirects are not followed; a response of over 256 KiB is an `HttpFailure`. */
export interface HttpClient {
  /** @throws HttpFailure, also when `signal` aborts */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse>;
}
