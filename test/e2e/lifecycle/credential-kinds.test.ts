import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProfileStatus, TokenResult } from '../../../src/protocol/method-types.ts';
import { credentialKinds } from '../../../src/sources/credential-kinds.ts';
import { subjectOf } from '../../../src/sources/exchange/token-subject.ts';
import {
  withImpersonation,
  type CredentialFixture,
  credentialFixtures,
} from '../../support/iam/credential-fixtures.ts';
import { listKeyringAccounts } from '../../support/stores/keyring-items.ts';
import { connectRawPeer } from '../../support/daemon/raw-peer.ts';
import {
  type CommandResult,
  type TestEnvironment,
  startTestEnvironment,
} from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

function logIn(
  testEnv: TestEnvironment,
  { args, stdin }: Pick<CredentialFixture, 'args' | 'stdin'>,
  profile: string,
): Promise<CommandResult> {
  return testEnv.iamToken(['login', '--profile', profile, ...args], stdin);
}

describe('credential kinds, with a real keyring and a real HTTP service', () => {
  let testEnv: TestEnvironment;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'credentials-'));
    testEnv = await startTestEnvironment();
  });
  after(async () => {
    await testEnv.stop();
    rmSync(folder, { recursive: true });
  });

  const isTokenAccepted = async (token: string): Promise<boolean> => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${testEnv.emulator.url}/resource-manager/v1/clouds`, { headers })).ok;
  };

  it('all have a fixture', () => {
    assert.deepEqual(
      Object.keys(credentialFixtures),
      credentialKinds.map(({ name }) => name),
    );
  });

  const fixtures: Readonly<Record<string, (typeof credentialFixtures)[string]>> = {
    ...credentialFixtures,
    'service-account-key of 4,096 bits': async (...args) => {
      args[2] = 1;
      return credentialFixtures['service-account-key']?.(...args) ?? assert.fail();
    },
    'oauth with an impersonated service account': async (...args) => {
      const oauthFixture = await (credentialFixtures['oauth']?.(...args) ?? assert.fail());
      return withImpersonation(testEnv, oauthFixture, 'ajeactedas0000000000');
    },
  };
  for (const [name, createFixture] of Object.entries(fixtures)) {
    describe(name, () => {
      let credential: CredentialFixture;
      let pid: number;
      // A VM sends no credential, and an account may be attached to it at any time.
      const rejection =
        name === 'metadata' ? { code: 'unavailable', exitCode: 5 } : { code: 'login_required', exitCode: 4 };

      before(async () => {
        credential = await createFixture(testEnv, folder, 0);
        pid = await testEnv.startDaemon();
      });
      after(() => testEnv.stopDaemon());

      const fetchToken = async (): Promise<TokenResult> => {
        const { stdout, stderr, code } = await testEnv.iamToken(['--format', 'json']);
        assert.equal(code, 0, stderr);
        return JSON.parse(stdout) as TokenResult;
      };
      const readProfileStatus = async (): Promise<ProfileStatus> => {
        const { stdout } = await testEnv.iamToken(['status', '--json']);
        const { profiles } = JSON.parse(stdout) as { readonly profiles: readonly ProfileStatus[] };
        return profiles[0] ?? assert.fail('there is a profile');
      };
      const setSchedule = (schedule: string): void => {
        const file = join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml');
        writeFileSync(file, `refresh: { schedule: "${schedule}" }\n`);
        process.kill(pid, 'SIGHUP');
      };

      it('logs in, and prints the subject', async () => {
        const { stdout, stderr, code } = await logIn(testEnv, credential, 'mine');
        assert.equal(code, 0, stderr);
        assert.match(stdout, new RegExp(`^logged in as ${credential.subject}; IAM token valid until `));
        const { kind, state } = await readProfileStatus();
        assert.deepEqual([kind, state], [credential.kind, 'ok']);
      });

      it('yields tokens of its subject that the service accepts', async () => {
        const tokenResult = await fetchToken();
        assert.equal(tokenResult.subject, credential.subject);
        assert.equal(subjectOf(tokenResult.token), credential.subject);
        assert.ok(await isTokenAccepted(tokenResult.token));
      });

      it('is renewed by the schedule', async () => {
        const firstToken = await fetchToken();
        await credential.prepareRenewal();
        setSchedule('*/2 * * * * *');
        await waitUntil(
          async () => (await fetchToken()).token !== firstToken.token,
          'another token is served',
        );
        setSchedule('0 * * * *');
        await waitUntil(
          async () => (await readProfileStatus()).nextRenewalAt?.endsWith(':00:00.000Z') === true,
          'the hourly schedule applies',
        );
        assert.equal((await fetchToken()).subject, credential.subject);
      });

      it('serves its token after a restart without IAM, and renews it with the credential of the keyring', async () => {
        const tokenBefore = await fetchToken();
        await testEnv.stopDaemon();
        testEnv.emulator.setFault({ kind: 'cut', atByte: 0, of: 'answer' });
        pid = await testEnv.startDaemon();
        assert.equal((await fetchToken()).token, tokenBefore.token);
        testEnv.emulator.setFault(null);
        await credential.prepareRenewal();
        const { stderr, code } = await testEnv.iamToken(['refresh']);
        assert.equal(code, 0, stderr);
        assert.notEqual((await fetchToken()).token, tokenBefore.token);
      });

      it('stays in use if a login with another credential is rejected', async () => {
        const tokenBefore = await fetchToken();
        const { stdout, stderr, code } = await logIn(testEnv, credential.rejectedLogin, 'mine');
        assert.ok(stdout === '' && (code === 2 || code === rejection.exitCode), `${code} ${stdout}${stderr}`);
        assert.match(stderr, /^iam-token: error: .+\n(?:iam-token: hint: .+\n)*$/);
        assert.equal((await fetchToken()).token, tokenBefore.token);
        await credential.prepareRenewal();
        assert.equal((await testEnv.iamToken(['refresh'])).code, 0);
      });

      it('serves its valid token while IAM rejects it, and recovers once IAM accepts it', async () => {
        const tokenBefore = await fetchToken();
        credential.rejectCredential();
        const { stderr, code } = await testEnv.iamToken(['refresh']);
        assert.equal(code, rejection.exitCode, stderr);
        assert.match(stderr, /^iam-token: error: .+\niam-token: hint: .+\n/);
        assert.equal((await fetchToken()).token, tokenBefore.token);
        assert.equal((await readProfileStatus()).problem?.code, rejection.code);
        credential.acceptCredential();
        await credential.prepareRenewal();
        assert.equal((await testEnv.iamToken(['refresh'])).code, 0);
        assert.equal((await readProfileStatus()).problem, null);
      });

      it('is removed from the keyring at logout, and its token is revoked', async () => {
        const tokenBefore = await fetchToken();
        const { stdout, code } = await testEnv.iamToken(['logout', '--revoke']);
        assert.deepEqual([stdout, code], ['logged out of mine; its IAM token is revoked\n', 0]);
        assert.equal(await isTokenAccepted(tokenBefore.token), false);
        assert.equal((await testEnv.iamToken()).code, 4);
        // A keychain that does not respond in time is retried in the background.
        await waitUntil(
          async () => (await listKeyringAccounts(testEnv.environment)).length === 0,
          `the keyring is empty; ${testEnv.readLog()}`,
        );
      });
    });
  }
});

describe('daemon with ten profiles of all kinds', () => {
  let testEnv: TestEnvironment;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'credentials-'));
    testEnv = await startTestEnvironment();
    await testEnv.startDaemon();
  });
  after(async () => {
    await testEnv.stop();
    rmSync(folder, { recursive: true });
  });

  it('answers each of a thousand requests with a token of the subject of its profile', async () => {
    const credentials = await Promise.all(
      Object.values(credentialFixtures).map((createFixture, index) => createFixture(testEnv, folder, index)),
    );
    const [oauthFixture, keyFixture, metadataFixture, workloadFixture, yc] = credentials;
    assert.ok(oauthFixture !== undefined && keyFixture !== undefined && metadataFixture !== undefined);
    assert.ok(workloadFixture !== undefined && yc !== undefined);
    const extraFixtures = await Promise.all(
      ['oauth', 'service-account-key', 'workload-identity'].map(
        (kind) => credentialFixtures[kind]?.(testEnv, folder, 8) ?? assert.fail(kind),
      ),
    );
    const impersonations = [oauthFixture, keyFixture].map((credential, index) =>
      withImpersonation(testEnv, credential, `ajeactor00000000000${index}`),
    );
    const profiles = [...credentials, ...extraFixtures, ...impersonations];
    assert.equal(profiles.length, 10);
    assert.equal(new Set(profiles.map(({ subject }) => subject)).size, 10);
    for (const [index, credential] of profiles.entries()) {
      const { stderr, code } = await logIn(testEnv, credential, `profile-${index}`);
      assert.equal(code, 0, stderr);
    }

    const peers = await Promise.all(Array.from({ length: 10 }, () => connectRawPeer(testEnv.socketPath)));
    const mismatches: unknown[] = [];
    await Promise.all(
      peers.map(async (peer, start) => {
        for (let id = 0; id < 100; id += 1) {
          // Some renewals, so that responses arrive out of order.
          const method = id % 20 === start ? 'refresh' : 'token';
          const params = { profile: `profile-${(start + id) % 10}` };
          peer.send({ v: 1, id, method, params });
        }
        for (let received = 0; received < 100; received += 1) {
          const data = await peer.nextData();
          const { id, result } = data as { readonly id: number; readonly result?: Partial<TokenResult> };
          const profileIndex = (start + id) % 10;
          const expected = { profile: `profile-${profileIndex}`, subject: profiles[profileIndex]?.subject };
          const isExpected =
            result?.profile === expected.profile &&
            result.subject === expected.subject &&
            (result.token === undefined || subjectOf(result.token) === expected.subject);
          if (!isExpected) mismatches.push({ expected, data });
        }
        peer.socket.destroy();
      }),
    );
    assert.deepEqual(mismatches, []);
  });
});
