import assert from 'node:assert/strict';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';

const path = 'POST /iam/aws-compatibility/v1/ephemeralAccessKeys';

describe('keys of Object Storage, from IAM to the tools of AWS', () => {
  let house: RunningHouse;

  beforeEach(async () => {
    house = await startHouse({ store: 'memory' });
    await house.startDaemon();
  });
  afterEach(() => house.stop());

  const keys = () => house.iamToken(['aws-credential-process']);

  it('are got once, kept in the daemon, and forgotten with the credential', async () => {
    assert.equal((await keys()).code, 4);
    assert.equal((await house.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    const first = await keys();
    assert.deepEqual([first.stderr, first.code], ['', 0]);
    const { Version, AccessKeyId, SecretAccessKey, SessionToken, Expiration } = JSON.parse(
      first.stdout,
    ) as Record<string, string | number>;
    assert.equal(Version, 1);
    assert.match([AccessKeyId, SecretAccessKey, SessionToken].join(' '), /^YCE\S+ YCM\S+ s1\.\S+$/);
    assert.ok(Date.parse(String(Expiration)) - Date.now() > 11 * 60 * 60_000);
    assert.deepEqual(await keys(), first);
    assert.equal(house.emulator.count(path), 1);
    assert.ok(!house.log().includes(String(SecretAccessKey)), 'the log has no key');

    assert.match(
      (await house.iamToken(['logout', '--revoke'])).stderr,
      /keys of Object Storage stay valid until /,
    );
    assert.equal((await keys()).code, 4);
  });

  it('are not given while the daemon is locked, and are others after that', async () => {
    await house.iamToken(['login', '--stdin'], oauthToken);
    const first = await keys();
    await house.iamToken(['lock']);
    assert.deepEqual([(await keys()).stdout, (await keys()).code], ['', 6]);
    await house.iamToken(['unlock']);
    assert.equal((await house.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    const second = await keys();
    assert.equal(second.code, 0);
    assert.notEqual(second.stdout, first.stdout);
  });

  it('fail for now while IAM cannot be reached', async () => {
    await house.iamToken(['login', '--stdin'], oauthToken);
    house.emulator.setFault({ kind: 'unavailable' });
    const { stdout, code } = await keys();
    assert.deepEqual([stdout, code], ['', 5]);
  });
});
