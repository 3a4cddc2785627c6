import assert from 'node:assert/strict';
import { createDirectHttpClient } from '../support/network/http-client-fixture.ts';
import { type Emulator, startEmulator } from '../emulator/emulator.ts';
import { Secret } from '../../src/shared/secret.ts';
import { createImpersonatedSource } from '../../src/sources/derived-sources.ts';
import { oauthKind } from '../../src/sources/kinds/oauth.ts';
import { openProfileSource } from '../../src/sources/open-profile-source.ts';
import type { IamTokenSource } from '../../src/token/token-source.ts';
import { createSourceTools } from '../support/iam/source-tools.ts';
import { createTestClock } from '../support/time/test-clock.ts';

const userId = 'ajeperson00000000001';
const serviceAccountId = 'ajesa00000000000001';
const credential = new Secret('y0_person');
const never = new AbortController().signal;

describe('a credential that impersonates a service account', () => {
  const clock = createTestClock();
  const tools = createSourceTools({
    clock,
    http: createDirectHttpClient(),
  });
  let emulator: Emulator;
  let source: IamTokenSource;
  const installation = () => ({ endpoint: emulator.url, audience: 'unused' });

  beforeEach(async () => {
    emulator = await startEmulator({ clock, oauthAccounts: [{ token: 'y0_person', subject: userId }] });
    emulator.allowImpersonation(userId, serviceAccountId);
    const options = { ...installation(), impersonateServiceAccountId: serviceAccountId };
    source = openProfileSource(oauthKind, credential, options, tools);
  });
  afterEach(() => emulator.close());

  it('is exchanged for tokens of that account', async () => {
    const outcome = await source.exchange(never, false);
    assert.ok(outcome.ok);
    const { value: token } = outcome.issuedToken;
    const headers = { authorization: `Bearer ${token.expose()}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ iamToken: token.expose() });
    const revokeResponse = await fetch(`${emulator.url}/iam/v1/tokens:revoke`, {
      method: 'POST',
      headers,
      body,
    });
    assert.deepEqual(await revokeResponse.json(), { subjectId: serviceAccountId });
  });

  it('names the missing role, and is retried on schedule', async () => {
    const otherSource = createImpersonatedSource(
      oauthKind.open(credential, installation(), tools),
      'ajeother',
      installation(),
      tools,
    );
    assert.deepEqual(failureWithoutTime(await otherSource.exchange(never, false)), {
      kind: 'terminal',
      retryOnSchedule: true,
      message: 'IAM rejected the request with code 7: Permission denied',
      hint: 'grant this account the role iam.serviceAccounts.tokenCreator for ajeother',
    });
  });

  it('fails with the failure of the credential itself', async () => {
    emulator.revokeOauthToken('y0_person');
    const { message } = failureWithoutTime(await source.exchange(never, false));
    assert.equal(message, 'the OAuth token is invalid or has expired');
    assert.equal(emulator.countRequests('POST /iam/v1/tokens:createForServiceAccount'), 0);
  });

  it('passes on a replacement of the credential, even if the impersonation fails', async () => {
    const replacement = new Secret('new');
    const rotatingSource: IamTokenSource = {
      async exchange(signal, interactive) {
        const baseSource = oauthKind.open(credential, installation(), tools);
        return { ...(await baseSource.exchange(signal, interactive)), replacement };
      },
    };
    for (const id of [serviceAccountId, 'ajeother']) {
      const outcome = await createImpersonatedSource(rotatingSource, id, installation(), tools).exchange(
        never,
        false,
      );
      assert.equal(outcome.ok, id === serviceAccountId);
      assert.equal(outcome.replacement, replacement);
    }
  });
});

function failureWithoutTime(outcome: Awaited<ReturnType<IamTokenSource['exchange']>>): {
  readonly message: string;
} {
  assert.ok(!outcome.ok);
  const { serverTimeMs: _time, message, ...failure } = outcome.failure;
  const request = / \(request [\w-]{36}\)$/;
  return { ...failure, message: message.replace(request, '') };
}
