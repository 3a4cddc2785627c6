import {
  type HttpClient,
  HttpFailure,
  type HttpRequest,
  type HttpResponse,
} from '../../../src/shared/http-client.ts';

/** A response, a failure, or no response until the signal aborts. */
export type ScriptedResponse = Partial<HttpResponse> | HttpFailure | 'hang';

/** An HTTP client that returns a scripted response and records its requests. */
export interface ScriptedHttp extends HttpClient {
  readonly requests: readonly HttpRequest[];
}

export function createScriptedHttp(response: ScriptedResponse): ScriptedHttp {
  const requests: HttpRequest[] = [];
  return {
    requests,
    async send(request, signal) {
      requests.push(request);
      if (response instanceof HttpFailure) throw response;
      if (response !== 'hang') return { status: 200, headers: new Map(), body: '', ...response };
      return new Promise((_resolve, reject) => {
        const rejectOnAbort = (): void =>
          reject(new HttpFailure('the request was cancelled', { cause: signal.reason }));
        if (signal.aborted) rejectOnAbort();
        signal.addEventListener('abort', rejectOnAbort);
      });
    },
  };
}
