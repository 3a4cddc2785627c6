import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { keyringItems } from '../support/keyring-items.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';
import { rawPeer } from '../support/raw-peer.ts';
import { until } from '../support/until.ts';

interface Answered {
  readonly result?: { readonly subject: string };
  readonly error?: { readonly code: string; readonly message: string };
}

/** Longer than a login takes here, so that some kills come after its end. */
const longestMs = 150;
const times = 100;
const subjects = ['ajeold00000000000001', 'ajenew00000000000001'] as const;
const tokens = [oauthToken, `${oauthToken}2`] as const;

describe('a login that is killed', function () {
  this.timeout(10 * 60_000);
  let house: RunningHouse;

  before(async () => {
    const accounts = subjects.map((subject, at) => ({ token: tokens[at] ?? '', subject }));
    house = await startHouse({ accounts });
    await house.startDaemon();
  });
  after(() => house.stop());

  async function ask(method: string, params: object): Promise<Answered> {
    const peer = await rawPeer(house.socketPath);
    peer.send({ v: 1, id: 1, method, params });
    const answer = (await peer.next()) as Answered;
    peer.socket.destroy();
    return answer;
  }

  /** gnome-keyring says "not implemented" to a search in which an item goes: it is searched again then. */
  const items = (): Promise<readonly string[]> => keyringItems(house.environment).catch(() => []);

  const discarded = (): readonly string[] => {
    const text = readFileSync(join(house.folder, 'config', 'iam-tokend', 'profiles.json'), 'utf8');
    return (JSON.parse(text) as { readonly discarded: readonly string[] }).discarded;
  };

  it(`leaves the old credential or the new one at work, at ${times} random points, and nothing else`, async () => {
    let at = 0;
    let flips = 0;
    assert.equal((await ask('login', { kind: 'oauth', secret: tokens[0] })).result?.subject, subjects[0]);
    for (let time = 0; time < times; time += 1) {
      const afterMs = Math.random() * longestMs;
      const next = 1 - at;
      const peer = await rawPeer(house.socketPath);
      peer.send({ v: 1, id: 1, method: 'login', params: { kind: 'oauth', secret: tokens[next] } });
      await delay(afterMs);
      await house.stopDaemon('SIGKILL');
      peer.socket.destroy();

      await house.startDaemon();
      const where = `killed after ${afterMs.toFixed(1)} ms`;
      const { result, error } = await ask('refresh', {});
      assert.ok(result !== undefined, `${where}: ${error?.message}`);
      const found = subjects.findIndex((subject) => subject === result.subject);
      assert.notEqual(found, -1, where);
      if (found === next) flips += 1;
      at = found;
      await until(() => discarded().length === 0, `no slot is left that is not live, ${where}`);
      await until(
        async () => (await items()).length === 2,
        `a credential and a token are all that is left, ${where}`,
      );
    }
    assert.ok(flips > 0 && flips < times, `${flips} of ${times} logins were quicker than the kill`);
  });
});
