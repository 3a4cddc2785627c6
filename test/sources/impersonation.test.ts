import assert from 'node:assert/strict';
import { undiciHttp } from '../../src/adapters/undici-http.ts';
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts';
import { Secret } from '../../src/shared/secret.ts';
import { impersonating } from '../../src/sources/impersonation.ts';
import { oauthKind } from '../../src/sources/oauth.ts';
import { openSource } from '../../src/sources/open-source.ts';
import type { IamTokenSource } from '../../src/token/ports.ts';
import { sourceTools } from '../support/source-tools.ts';
import { testClock } from '../support/test-clock.ts';

const person = 'ajeperson00000000001';
const serviceAccountId = 'ajesa00000000000001';
const credential = new Secret('y0_person');
const never = new AbortController().signal;

describe('a credential that acts as a service account', () => {
  const clock = testClock();
  const tools = sourceTools({ clock, http: undiciHttp({ proxy: null, noProxy: [], certificates: null }) });
  let emulator: Emulator;
  let source: IamTokenSource;
  const installation = () => ({ endpoint: emulator.url, audience: 'unused' });

  beforeEach(async () => {
    emulator = await startEmulator({ clock, oauthAccounts: [{ token: 'y0_person', subject: person }] });
    emulator.allowActingAs(person, serviceAccountId);
    const opened = { ...installation(), impersonateServiceAccountId: serviceAccountId };
    source = openSource(oauthKind, credential, opened, tools);
  });
  afterEach(() => emulator.close());

  it('gives the tokens of that account', async () => {
    const outcome = await source.exchange(never, false);
    assert.ok(outcome.ok);
    const { token } = outcome.exchanged;
    const headers = { authorization: `Bearer ${token.expose()}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ iamToken: token.expose() });
    const revoked = await fetch(`${emulator.url}/iam/v1/tokens:revoke`, { method: 'POST', headers, body });
    assert.deepEqual(await revoked.json(), { subjectId: serviceAccountId });
  });

  it('says which role is missing, and waits for it', async () => {
    const other = impersonating(
      oauthKind.open(credential, installation(), tools),
      'ajeother',
      installation(),
      tools,
    );
    assert.deepEqual(withoutTime(await other.exchange(never, false)), {
      kind: 'terminal',
      mayHeal: true,
      message: 'IAM refused with code 7: Permission denied',
      hint: 'have the role iam.serviceAccounts.tokenCreator for ajeother granted to this account',
    });
  });

  it('says what is wrong with the credential itself', async () => {
    emulator.revokeOauthToken('y0_person');
    const { message } = withoutTime(await source.exchange(never, false));
    assert.equal(message, 'IAM says that this OAuth token is invalid or has expired');
    assert.equal(emulator.count('POST /iam/v1/tokens:createForServiceAccount'), 0);
  });

  it('passes a replacement of the credential on, whatever comes of the rest', async () => {
    const replacement = new Secret('new');
    const rotating: IamTokenSource = {
      async exchange(signal, interactive) {
        const own = oauthKind.open(credential, installation(), tools);
        return { ...(await own.exchange(signal, interactive)), replacement };
      },
    };
    for (const id of [serviceAccountId, 'ajeother']) {
      const outcome = await impersonating(rotating, id, installation(), tools).exchange(never, false);
      assert.equal(outcome.ok, id === serviceAccountId);
      assert.equal(outcome.replacement, replacement);
    }
  });
});

function withoutTime(outcome: Awaited<ReturnType<IamTokenSource['exchange']>>): { readonly message: string } {
  assert.ok(!outcome.ok);
  const { serverTimeMs: _time, message, ...failure } = outcome.failure;
  const request = / \(request [\w-]{36}\)$/;
  return { ...failure, message: message.replace(request, '') };
}
