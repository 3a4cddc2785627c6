import type { HttpClient } from '../../src/shared/http-client.ts';
import type { SourceTools } from '../../src/sources/credential-kind.ts';
import { fakePrograms } from './fake-programs.ts';
import { scriptedHttp } from './scripted-http.ts';
import { testClock } from './test-clock.ts';

/** Tools that reach nothing, but for those that are given. */
export function sourceTools(given: Partial<SourceTools> & { readonly http?: HttpClient } = {}): SourceTools {
  return {
    http: scriptedHttp('hang'),
    programs: fakePrograms(),
    clock: testClock(),
    timeoutMs: 8_000,
    ...given,
  };
}
