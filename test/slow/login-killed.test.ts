import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { listKeyringAccounts } from '../support/stores/keyring-items.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../support/test-environment.ts';
import { connectRawPeer } from '../support/daemon/raw-peer.ts';
import { waitUntil } from '../support/wait-until.ts';

interface CallOutcome {
  readonly result?: { readonly subject: string };
  readonly error?: { readonly code: string; readonly message: string };
}

/** Longer than a login takes, so that some kills happen after its end. */
const maxDelayMs = 150;
const loginCount = 100;
const subjects = ['ajeold00000000000001', 'ajenew00000000000001'] as const;
const tokens = [oauthToken, `${oauthToken}2`] as const;

describe('killed login', function () {
  this.timeout(10 * 60_000);
  let testEnv: TestEnvironment;

  before(async () => {
    const accounts = subjects.map((subject, at) => ({ token: tokens[at] ?? '', subject }));
    testEnv = await startTestEnvironment({ accounts });
    await testEnv.startDaemon();
  });
  after(() => testEnv.stop());

  async function callDaemon(method: string, params: object): Promise<CallOutcome> {
    const peer = await connectRawPeer(testEnv.socketPath);
    peer.send({ v: 1, id: 1, method, params });
    const response = (await peer.nextData()) as CallOutcome;
    peer.socket.destroy();
    return response;
  }

  /** Empty if the search fails: gnome-keyring fails with "not implemented" if an item is removed during it. */
  const listItems = (): Promise<readonly string[]> =>
    listKeyringAccounts(testEnv.environment).catch(() => []);

  const readDiscardedSlots = (): readonly string[] => {
    const text = readFileSync(join(testEnv.folder, 'config', 'iam-tokend', 'profiles.json'), 'utf8');
    return (JSON.parse(text) as { readonly discarded: readonly string[] }).discarded;
  };

  it(`keeps either the old or the new credential, at ${loginCount} random points`, async () => {
    let at = 0;
    let switchCount = 0;
    assert.equal(
      (await callDaemon('login', { kind: 'oauth', secret: tokens[0] })).result?.subject,
      subjects[0],
    );
    for (let round = 0; round < loginCount; round += 1) {
      const killDelayMs = Math.random() * maxDelayMs;
      const nextIndex = 1 - at;
      const peer = await connectRawPeer(testEnv.socketPath);
      peer.send({ v: 1, id: 1, method: 'login', params: { kind: 'oauth', secret: tokens[nextIndex] } });
      await delay(killDelayMs);
      await testEnv.stopDaemon('SIGKILL');
      peer.socket.destroy();

      await testEnv.startDaemon();
      const context = `killed after ${killDelayMs.toFixed(1)} ms`;
      const { result, error } = await callDaemon('refresh', {});
      assert.ok(result !== undefined, `${context}: ${error?.message}`);
      const activeIndex = subjects.findIndex((subject) => subject === result.subject);
      assert.notEqual(activeIndex, -1, context);
      if (activeIndex === nextIndex) switchCount += 1;
      at = activeIndex;
      await waitUntil(() => readDiscardedSlots().length === 0, `only the live slot is left, ${context}`);
      await waitUntil(
        async () => (await listItems()).length === 2,
        `only a credential and a token are left, ${context}`,
      );
    }
    assert.ok(
      switchCount > 0 && switchCount < loginCount,
      `${switchCount} of ${loginCount} logins completed before the kill`,
    );
  });
});
