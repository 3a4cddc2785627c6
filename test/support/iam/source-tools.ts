import type { HttpClient } from '../../../src/shared/http-client.ts';
import type { SourceTools } from '../../../src/sources/credential-kind.ts';
import { createFakePrograms } from '../processes/fake-programs.ts';
import { createScriptedHttp } from './scripted-http.ts';
import { FileDeadline } from '../../../src/files/file-deadline.ts';
import { createTestClock } from '../time/test-clock.ts';

/** Tools without access to anything, except the overrides. */
export function createSourceTools(
  overrides: Partial<SourceTools> & { readonly http?: HttpClient } = {},
): SourceTools {
  return {
    http: createScriptedHttp('hang'),
    programs: createFakePrograms(),
    clock: createTestClock(),
    probeService: async () => null,
    fileDeadline: new FileDeadline(createTestClock()),
    timeoutMs: 8_000,
    ...overrides,
  };
}
