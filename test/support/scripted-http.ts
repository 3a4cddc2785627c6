import {
  type HttpClient,
  HttpFailure,
  type HttpRequest,
  type HttpResponse,
} from '../../src/shared/http-client.ts';

/** What to answer next: an answer, a failure on the way, or nothing until the signal aborts. */
export type Scripted = Partial<HttpResponse> | HttpFailure | 'hang';

/** An HTTP client that gives the answer it was told to, and keeps what it was asked. */
export interface ScriptedHttp extends HttpClient {
  readonly asked: readonly HttpRequest[];
}

export function scriptedHttp(scripted: Scripted): ScriptedHttp {
  const asked: HttpRequest[] = [];
  return {
    asked,
    async send(request, signal) {
      asked.push(request);
      if (scripted instanceof HttpFailure) throw scripted;
      if (scripted !== 'hang') return { status: 200, headers: new Map(), body: '', ...scripted };
      return new Promise((_resolve, reject) => {
        const give = (): void => reject(new HttpFailure('given up', { cause: signal.reason }));
        if (signal.aborted) give();
        signal.addEventListener('abort', give);
      });
    },
  };
}
