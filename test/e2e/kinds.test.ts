import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProfileStatus, TokenAnswer } from '../../src/protocol/messages.ts';
import { credentialKinds } from '../../src/sources/kinds.ts';
import { subjectOf } from '../../src/sources/token-subject.ts';
import { acting, type HouseKind, houseKinds } from '../support/house-kinds.ts';
import { keyringItems } from '../support/keyring-items.ts';
import { rawPeer } from '../support/raw-peer.ts';
import { type Run, type RunningHouse, startHouse } from '../support/running-house.ts';
import { until } from '../support/until.ts';

function logIn(
  house: RunningHouse,
  { args, stdin }: Pick<HouseKind, 'args' | 'stdin'>,
  profile: string,
): Promise<Run> {
  return house.iamToken(['login', '--profile', profile, ...args], stdin);
}

describe('the kinds of credential, with a real keyring and a real HTTP service', () => {
  let house: RunningHouse;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'credentials-'));
    house = await startHouse();
  });
  after(async () => {
    await house.stop();
    rmSync(folder, { recursive: true });
  });

  const isTaken = async (token: string): Promise<boolean> => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${house.emulator.url}/resource-manager/v1/clouds`, { headers })).ok;
  };

  it('are all tested here', () => {
    assert.deepEqual(
      Object.keys(houseKinds),
      credentialKinds.map(({ name }) => name),
    );
  });

  const lives: Readonly<Record<string, (typeof houseKinds)[string]>> = {
    ...houseKinds,
    'service-account-key of 4,096 bits': async (...given) => {
      given[2] = 1;
      return houseKinds['service-account-key']?.(...given) ?? assert.fail();
    },
    'oauth that acts as a service account': async (...given) => {
      const person = await (houseKinds['oauth']?.(...given) ?? assert.fail());
      return acting(house, person, 'ajeactedas0000000000');
    },
  };
  for (const [name, furnish] of Object.entries(lives)) {
    describe(name, () => {
      let credential: HouseKind;
      let pid: number;

      before(async () => {
        credential = await furnish(house, folder, 0);
        pid = await house.startDaemon();
      });
      after(() => house.stopDaemon());

      const token = async (): Promise<TokenAnswer> => {
        const { stdout, stderr, code } = await house.iamToken(['--format', 'json']);
        assert.equal(code, 0, stderr);
        return JSON.parse(stdout) as TokenAnswer;
      };
      const status = async (): Promise<ProfileStatus> => {
        const { stdout } = await house.iamToken(['status', '--json']);
        const { profiles } = JSON.parse(stdout) as { readonly profiles: readonly ProfileStatus[] };
        return profiles[0] ?? assert.fail('there is a profile');
      };
      const configure = (schedule: string): void => {
        const file = join(house.folder, 'config', 'iam-tokend', 'config.yaml');
        writeFileSync(file, `refresh: { schedule: "${schedule}" }\n`);
        process.kill(pid, 'SIGHUP');
      };

      it('is logged in, and says who that is', async () => {
        const { stdout, stderr, code } = await logIn(house, credential, 'mine');
        assert.equal(code, 0, stderr);
        assert.match(stdout, new RegExp(`^logged in as ${credential.subject}; the IAM token lives until `));
        const { kind, state } = await status();
        assert.deepEqual([kind, state], [credential.kind, 'ok']);
      });

      it('gives tokens of its subject that the service takes', async () => {
        const answer = await token();
        assert.equal(answer.subject, credential.subject);
        assert.equal(subjectOf(answer.token), credential.subject);
        assert.ok(await isTaken(answer.token));
      });

      it('is renewed by the schedule', async () => {
        const first = await token();
        await credential.prepareRenewal();
        configure('*/2 * * * * *');
        await until(async () => (await token()).token !== first.token, 'another token is there');
        configure('0 * * * *');
        await until(async () => (await status()).nextRenewalAt?.endsWith(':00:00.000Z') === true, 'hourly');
        assert.equal((await token()).subject, credential.subject);
      });

      it('serves its token after a restart without the service, and renews it from the keyring', async () => {
        const before = await token();
        await house.stopDaemon();
        house.emulator.setFault({ kind: 'cut', atByte: 0, of: 'answer' });
        pid = await house.startDaemon();
        assert.equal((await token()).token, before.token);
        house.emulator.setFault(null);
        await credential.prepareRenewal();
        const { stderr, code } = await house.iamToken(['refresh']);
        assert.equal(code, 0, stderr);
        assert.notEqual((await token()).token, before.token);
      });

      it('stays at work when another of its kind is refused', async () => {
        const before = await token();
        const { stdout, stderr, code } = await logIn(house, credential.wrong, 'mine');
        assert.ok(stdout === '' && (code === 2 || code === 4), `${code} ${stdout}${stderr}`);
        assert.match(stderr, /^iam-token: error: .+\n(?:iam-token: hint: .+\n)*$/);
        assert.equal((await token()).token, before.token);
        await credential.prepareRenewal();
        assert.equal((await house.iamToken(['refresh'])).code, 0);
      });

      it('serves its token to the end when it is refused, and is well again when it is not', async () => {
        const before = await token();
        credential.refuse();
        const { stderr, code } = await house.iamToken(['refresh']);
        assert.equal(code, 4, stderr);
        assert.match(stderr, /^iam-token: error: .+\niam-token: hint: .+\n/);
        assert.equal((await token()).token, before.token);
        assert.equal((await status()).problem?.code, 'login_required');
        credential.allow();
        await credential.prepareRenewal();
        assert.equal((await house.iamToken(['refresh'])).code, 0);
        assert.equal((await status()).problem, null);
      });

      it('leaves nothing behind at logout, and its token is revoked', async () => {
        const before = await token();
        const { stdout, code } = await house.iamToken(['logout', '--revoke']);
        assert.deepEqual([stdout, code], ['logged out of mine; its IAM token is revoked\n', 0]);
        assert.equal(await isTaken(before.token), false);
        assert.equal((await house.iamToken()).code, 4);
        // A keychain that does not answer in time is asked once more behind.
        await until(
          async () => (await keyringItems(house.environment)).length === 0,
          `nothing is left of ${house.log()}`,
        );
      });
    });
  }
});

describe('one daemon with ten profiles of all kinds', () => {
  let house: RunningHouse;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'credentials-'));
    house = await startHouse();
    await house.startDaemon();
  });
  after(async () => {
    await house.stop();
    rmSync(folder, { recursive: true });
  });

  it('answers a thousand requests, each with a token of the subject of its profile', async () => {
    const credentials = await Promise.all(
      Object.values(houseKinds).map((furnish, index) => furnish(house, folder, index)),
    );
    const [person, key, vm, workload, yc] = credentials;
    assert.ok(person !== undefined && key !== undefined && vm !== undefined);
    assert.ok(workload !== undefined && yc !== undefined);
    const more = await Promise.all(
      ['oauth', 'service-account-key', 'workload-identity'].map(
        (kind) => houseKinds[kind]?.(house, folder, 8) ?? assert.fail(kind),
      ),
    );
    const actors = [person, key].map((credential, index) =>
      acting(house, credential, `ajeactor00000000000${index}`),
    );
    const profiles = [...credentials, ...more, ...actors];
    assert.equal(profiles.length, 10);
    assert.equal(new Set(profiles.map(({ subject }) => subject)).size, 10);
    for (const [index, credential] of profiles.entries()) {
      const { stderr, code } = await logIn(house, credential, `profile-${index}`);
      assert.equal(code, 0, stderr);
    }

    const peers = await Promise.all(Array.from({ length: 10 }, () => rawPeer(house.socketPath)));
    const wrong: unknown[] = [];
    await Promise.all(
      peers.map(async (peer, start) => {
        for (let id = 0; id < 100; id += 1) {
          // A renewal now and then, so that answers are overtaken by others.
          const method = id % 20 === start ? 'refresh' : 'token';
          const params = { profile: `profile-${(start + id) % 10}` };
          peer.send({ v: 1, id, method, params });
        }
        for (let answers = 0; answers < 100; answers += 1) {
          const data = await peer.next();
          const { id, result } = data as { readonly id: number; readonly result?: Partial<TokenAnswer> };
          const at = (start + id) % 10;
          const expected = { profile: `profile-${at}`, subject: profiles[at]?.subject };
          const isRight =
            result?.profile === expected.profile &&
            result.subject === expected.subject &&
            (result.token === undefined || subjectOf(result.token) === expected.subject);
          if (!isRight) wrong.push({ expected, data });
        }
        peer.socket.destroy();
      }),
    );
    assert.deepEqual(wrong, []);
  });
});
