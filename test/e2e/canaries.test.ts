import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';
import { filesBelow, shownByProcesses } from '../support/traces.ts';

describe('a canary credential and the IAM tokens made from it', () => {
  let house: RunningHouse;
  const tokens = new Set<string>();
  let seenInProcesses = false;

  const look = (): void => {
    const shown = shownByProcesses();
    for (const canary of [oauthToken, ...tokens]) {
      seenInProcesses ||= shown.some((text) => text.includes(canary));
    }
  };
  const take = async (): Promise<void> => {
    const { stdout, code } = await house.iamToken();
    if (code === 0) tokens.add(stdout.trim());
    look();
  };

  before(async () => {
    house = await startHouse({ logLevel: 'debug' });
    await house.startDaemon();
    await house.iamToken(['login', '--stdin'], oauthToken);
    await take();
    await house.iamToken(['refresh']);
    await take();
    for (const fault of [{ kind: 'junk' }, { kind: 'empty' }, { kind: 'array' }] as const) {
      house.emulator.setFault(fault, 1);
      await house.iamToken(['refresh']);
      await take();
    }
    await house.iamToken(['login', '--stdin'], `${oauthToken} and more`);
    await house.iamToken(['login', '--stdin'], `${oauthToken}x`);
    await house.stopDaemon();
    await house.startDaemon();
    await take();
    await house.iamToken(['status', '--json']);
    await house.iamToken(['doctor', '--bundle', join(house.folder, 'bundle.json')]);
    await house.stopDaemon();
  });
  after(() => house.stop());

  it('stand in no file but those of the keyring', () => {
    const canaries = [oauthToken, ...tokens];
    assert.ok(tokens.size > 1);
    const found = filesBelow(house.folder).filter((path) => {
      const text = readFileSync(path, 'latin1');
      return canaries.some((canary) => text.includes(canary));
    });
    assert.deepEqual(found, []);
  });

  it('stand in no log, at level debug', () => {
    const log = house.log();
    assert.match(log, /renewed the IAM token/);
    for (const canary of [oauthToken, ...tokens]) assert.ok(!log.includes(canary));
    assert.ok(!log.includes(oauthToken.slice(8, 24)), 'not even in part');
  });

  it('stand in no argv and no environment of any process', () => {
    assert.equal(seenInProcesses, false);
  });
});
