import assert from 'node:assert/strict';
import { createDirectHttpClient } from '../../support/network/http-client-fixture.ts';
import { type Emulator, startEmulator } from '../../emulator/emulator.ts';
import type { Secret } from '../../../src/shared/secret.ts';
import type { KeyAccess, KeyResult } from '../../../src/sources/credential-kind.ts';
import { keyManagement } from '../../../src/sources/kinds/key-management.ts';
import { serviceAccountKeyKind } from '../../../src/sources/kinds/service-account-key.ts';
import { createScriptedHttp, type ScriptedResponse } from '../../support/iam/scripted-http.ts';
import { createSourceTools } from '../../support/iam/source-tools.ts';
import { type TestClock, createTestClock } from '../../support/time/test-clock.ts';
import { formatKeyFile, getTestKey } from '../../support/iam/test-keys.ts';

const key = getTestKey();
const account = key.serviceAccountId;
const { signal } = new AbortController();

function valueOf<T>(result: KeyResult<T>): T {
  return result.ok ? result.value : assert.fail(result.problem.message);
}

describe('the keys of a service account', () => {
  let clock: TestClock;
  let emulator: Emulator;
  let credential: Secret;
  let access: KeyAccess;

  beforeEach(async () => {
    clock = createTestClock();
    emulator = await startEmulator({ clock });
    emulator.allowKey(key);
    emulator.keys.grant(account, account);
    const tools = createSourceTools({ clock, http: createDirectHttpClient() });
    const installation = { endpoint: emulator.url, audience: `${emulator.url}/iam/v1/tokens` };
    const input = { secret: formatKeyFile(), settings: {} };
    credential = await serviceAccountKeyKind.createCredential(input, installation, tools);
    const outcome = await serviceAccountKeyKind.open(credential, installation, tools).exchange(signal, false);
    assert.ok(outcome.ok);
    access = { token: outcome.issuedToken.value, installation, signal, tools };
  });
  afterEach(() => emulator.close());

  const isAccepted = async (newCredential: Secret): Promise<boolean> =>
    (
      await serviceAccountKeyKind
        .open(newCredential, access.installation, access.tools)
        .exchange(signal, false)
    ).ok;

  it('are described by what a key file has', async () => {
    assert.deepEqual(keyManagement.describe(credential), {
      id: key.id,
      serviceAccountId: account,
      createdAtMs: Date.UTC(2026, 10, 24, 9),
    });
    const input = { secret: formatKeyFile(key, { created_at: 'yesterday' }), settings: {} };
    const undated = await serviceAccountKeyKind.createCredential(input, access.installation, access.tools);
    assert.deepEqual(keyManagement.describe(undated), { id: key.id, serviceAccountId: account });
  });

  it('get another one that IAM accepts, with a description', async () => {
    const created = valueOf(await keyManagement.create(credential, 'rotation 1', access));
    const { id, createdAtMs } = keyManagement.describe(created);
    assert.equal(createdAtMs, clock.now().wallMs);
    assert.equal(await isAccepted(created), true);
    const [, listed] = valueOf(await keyManagement.list(account, access));
    assert.deepEqual([listed?.id, listed?.description], [id, 'rotation 1']);
    assert.equal(emulator.keys.find(id)?.keyAlgorithm, 'RSA_2048');
  });

  it('get another one of the same length', async () => {
    const large = getTestKey(4096);
    emulator.allowKey(large);
    emulator.keys.grant(account, large.serviceAccountId);
    emulator.keys.generateKeyPair = () => large;
    const input = { secret: formatKeyFile(large), settings: {} };
    const old = await serviceAccountKeyKind.createCredential(input, access.installation, access.tools);
    const { id } = keyManagement.describe(valueOf(await keyManagement.create(old, '', access)));
    assert.equal(emulator.keys.find(id)?.keyAlgorithm, 'RSA_4096');
  });

  it('are listed over several pages', async () => {
    for (let number = 0; number < 210; number += 1)
      emulator.allowKey({ id: `ajek${number}`, serviceAccountId: account, publicKey: key.publicKey });
    assert.equal(valueOf(await keyManagement.list(account, access)).length, 211);
  });

  it('tell when IAM saw one last', async () => {
    clock.advance(60_000);
    const found = valueOf(await keyManagement.find(keyManagement.describe(credential), access));
    assert.equal(found.lastUsedAtMs, Date.UTC(2026, 10, 24, 12));
  });

  it('lose one, which IAM then rejects together with its tokens; a missing one counts as deleted', async () => {
    const created = valueOf(await keyManagement.create(credential, '', access));
    const outcome = await serviceAccountKeyKind
      .open(created, access.installation, access.tools)
      .exchange(signal, false);
    assert.ok(outcome.ok);
    const newAccess = { ...access, token: outcome.issuedToken.value };
    valueOf(await keyManagement.delete({ id: key.id, serviceAccountId: account }, newAccess));
    assert.equal(await isAccepted(credential), false);
    assert.equal((await keyManagement.list(account, access)).ok, false);
    valueOf(await keyManagement.delete({ id: key.id, serviceAccountId: account }, newAccess));
  });

  for (const [permission, action, run] of [
    ['create', 'create a key', () => keyManagement.create(credential, '', access)],
    ['list', 'list its keys', () => keyManagement.list(account, access)],
    ['list', 'read its key', () => keyManagement.find(keyManagement.describe(credential), access)],
    [
      'delete',
      `delete the key ${key.id}`,
      () => keyManagement.delete(keyManagement.describe(credential), access),
    ],
  ] as const) {
    it(`without the role to ${permission} (${action}), name the role in one sentence`, async () => {
      const others = (['create', 'list', 'delete'] as const).filter((name) => name !== permission);
      emulator.keys.grant(account, account, others);
      const result = await run();
      assert.ok(!result.ok && result.isRejected);
      assert.deepEqual(result.problem, {
        code: 'login_required',
        message: `the service account ${account} cannot ${action}: it lacks the role iam.serviceAccounts.keyAdmin for itself`,
        hint: `yc iam service-account add-access-binding ${account} --role iam.serviceAccounts.keyAdmin --subject serviceAccount:${account}`,
      });
    });
  }

  it('say that the quota is reached, and how to find keys that are not in use', async () => {
    emulator.keys.quota = 1;
    const result = await keyManagement.create(credential, '', access);
    assert.ok(!result.ok && result.isRejected);
    assert.equal(result.problem.code, 'unavailable');
    assert.match(result.problem.message, /^cannot create a key: .*limit on authorized keys/);
    assert.equal(
      result.problem.hint,
      `delete keys that are not in use: yc iam key list --service-account-id ${account}`,
    );
  });

  const unclearResponses: readonly (readonly [string, ScriptedResponse])[] = [
    ['an outage', { status: 503, body: '{"code":14,"message":"upstream"}' }],
    ['a page of a proxy', { status: 403, body: '<html>' }],
    ['an empty body', { body: '' }],
    [
      'a key of another account',
      { body: JSON.stringify({ key: { id: 'ajek1', serviceAccountId: 'ajex' } }) },
    ],
    ['a key without its private part', { body: JSON.stringify({ key, privateKey: '' }) }],
  ];
  for (const [what, response] of unclearResponses) {
    it(`may have got another one after ${what}`, async () => {
      const tools = createSourceTools({ http: createScriptedHttp(response) });
      const result = await keyManagement.create(credential, '', { ...access, tools });
      assert.ok(!result.ok && !result.isRejected);
      assert.equal(result.problem.code, 'unavailable');
    });
  }

  it('are not gone for a proxy that does not find them', async () => {
    const http = createScriptedHttp({ status: 404, body: '{"error":"not found"}' });
    const description = keyManagement.describe(credential);
    const result = await keyManagement.delete(description, { ...access, tools: createSourceTools({ http }) });
    assert.equal(result.ok, false);
  });

  it('are not deleted by an operation that failed', async () => {
    const http = createScriptedHttp({ body: '{"id":"op","done":true,"error":{"code":9,"message":"no"}}' });
    const description = keyManagement.describe(credential);
    const result = await keyManagement.delete(description, { ...access, tools: createSourceTools({ http }) });
    assert.equal(result.ok, false);
  });
});
