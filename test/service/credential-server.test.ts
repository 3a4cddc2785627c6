import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  createCredentialServer,
  type CredentialServer,
  type CredentialServerParts,
} from '../../src/service/credential-server.ts';
import { IamTokenError } from '../../src/shared/errors.ts';
import { Secret } from '../../src/shared/secret.ts';
import { createFakeLog, type FakeLog } from '../support/fake-log.ts';
import { readCredential } from '../support/systems/credential-reader.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { createTestClock, type TestClock } from '../support/time/test-clock.ts';
import { waitUntil } from '../support/wait-until.ts';

/** The address that systemd binds. */
const systemdAddress = '@9f3c0a/unit/backup@a.service/iam-token';

describe('credential.sock', () => {
  const folder = useTemporaryFolder();
  let server: CredentialServer;
  let clock: TestClock;
  let log: FakeLog;
  let profiles: (string | undefined)[];
  let path: string;
  let address: string | null;

  async function start(parts: Partial<CredentialServerParts> = {}): Promise<void> {
    path = join(folder(), 'credential.sock');
    clock = createTestClock();
    log = createFakeLog();
    profiles = [];
    address = systemdAddress;
    server = createCredentialServer({
      listenOn: { path },
      clock,
      log,
      decideAccess: () => ({ isOtherUser: false }),
      getPeerAddress: () => address,
      requestToken: async (profile) => {
        profiles.push(profile);
        return new Secret(`t1.${profile ?? 'default'}`);
      },
      ...parts,
    });
    await server.listen();
  }
  afterEach(() => server.close());

  it('19.4: gives the token of the default profile, and the end of the stream', async () => {
    await start();
    assert.equal(await readCredential(path), 't1.default');
    assert.deepEqual(profiles, [undefined]);
    assert.ok(
      log.lines.some((line) =>
        line.includes('gave a token to the unit backup@a.service, for the credential iam-token'),
      ),
    );
  });

  it('19.4: gives the token of the profile that the name of the credential has after the dot', async () => {
    await start();
    address = '@1a/unit/a.service/iam-token.work.eu';
    assert.equal(await readCredential(path), 't1.work.eu');
    assert.deepEqual(profiles, ['work.eu']);
  });

  it('19.4: sends more than 1 MiB of line ends for another credential, and logs the reason', async () => {
    await start();
    for (const name of ['password', 'iam-tokens', 'iam-token/x']) {
      address = `@1a/unit/a.service/${name}`;
      assert.equal(await readCredential(path), null, name);
    }
    assert.deepEqual(profiles, []);
    assert.match(
      log.lines.join('\n'),
      /gave no token to the unit a\.service, for the credential password: LoadCredential= takes/,
    );
  });

  it('19.4: fails the unit if there is no token, and logs the reason and the hint', async () => {
    await start({
      requestToken: () =>
        Promise.reject(
          new IamTokenError({ code: 'login_required', message: 'not logged in', hint: { command: 'login' } }),
        ),
    });
    assert.equal(await readCredential(path), null);
    assert.match(
      log.lines.join('\n'),
      /gave no token to the unit backup@a\.service, for the credential iam-token: not logged in/,
    );
    assert.match(log.lines.join('\n'), /hint: iam-token login/);
  });

  it('19.4: fails the unit if no token arrives within 60 s', async () => {
    let signal: AbortSignal | undefined;
    await start({
      requestToken: (_profile, requestSignal) => {
        signal = requestSignal;
        return new Promise(() => undefined);
      },
    });
    const credential = readCredential(path);
    await waitUntil(() => signal !== undefined, 'the token is requested');
    clock.advance(60_000);
    assert.equal(await credential, null);
    assert.match(log.lines.join('\n'), /no token within 60 s/);
  });

  it('19.4: fails for another user, and for a peer without the address of systemd', async () => {
    const decisions: CredentialServerParts['decideAccess'][] = [
      () => ({ rejectionReason: 'the peer is another user (uid 7)' }),
      () => ({ isOtherUser: true, uid: 7 }),
    ];
    for (const decideAccess of decisions) {
      await start({ decideAccess });
      assert.equal(await readCredential(path), null);
      assert.match(log.lines.join('\n'), /gave no token to a peer: the peer is another user \(uid 7\)/);
      await server.close();
    }
    await start();
    for (const other of [
      null,
      '/tmp/client',
      '@somewhere',
      '@1a/unit/a.service/',
      '@1a/unit/a b/iam-token',
      '@x/unit/a.service/iam-token',
      '1a/unit/a.service/iam-token',
    ]) {
      address = other;
      assert.equal(await readCredential(path), null, String(other));
    }
    assert.deepEqual(profiles, []);
  });

  it('cancels the request of a peer that is gone', async () => {
    let signal: AbortSignal | undefined;
    await start({
      requestToken: (_profile, requestSignal) => {
        signal = requestSignal;
        return new Promise(() => undefined);
      },
    });
    const socket: Socket = connect(path);
    await once(socket, 'connect');
    await waitUntil(() => signal !== undefined, 'the token is requested');
    socket.destroy();
    await waitUntil(() => {
      clock.advance(1_000);
      return signal?.aborted === true;
    }, 'the request is cancelled');
    assert.doesNotMatch(log.lines.join('\n'), /gave/);
  });
});
