import assert from 'node:assert/strict';
import { lstatSync } from 'node:fs';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';

describe('the main job, with a real keyring and a real HTTP service', () => {
  let house: RunningHouse;

  before(async () => {
    house = await startHouse();
    await house.startDaemon();
  });
  after(() => house.stop());

  it('says that a login is needed before there is one', async () => {
    const { stdout, stderr, code } = await house.iamToken();
    assert.deepEqual(
      { stdout, stderr, code },
      {
        stdout: '',
        stderr: 'iam-token: error: nobody is logged in\niam-token: hint: iam-token login\n',
        code: 4,
      },
    );
  });

  it('logs in with an OAuth token from stdin and says who that is', async () => {
    const { stdout, code } = await house.iamToken(['login', '--oauth', '--stdin'], `${oauthToken}\n`);
    assert.equal(code, 0);
    assert.match(stdout, /^logged in as aje[a-z0-9]{17}; /);
  });

  it('prints the token and a newline, nothing else, without asking IAM again', async () => {
    const before = house.emulator.count('POST /iam/v1/tokens');
    const { stdout, stderr, code } = await house.iamToken();
    assert.match(stdout, /^t1\.[\w-]+={0,2}\.[\w-]{86}\n$/);
    assert.deepEqual({ stderr, code }, { stderr: '', code: 0 });
    assert.equal(house.emulator.count('POST /iam/v1/tokens'), before);
  });

  it('gives a token that the service takes', async () => {
    const { stdout } = await house.iamToken();
    const clouds = await fetch(`${house.emulator.url}/resource-manager/v1/clouds`, {
      headers: { Authorization: `Bearer ${stdout.trim()}` },
    });
    assert.equal(clouds.status, 200);
    const { clouds: list } = (await clouds.json()) as { readonly clouds: readonly unknown[] };
    assert.notEqual(list.length, 0);
  });

  it('finds nothing wrong with itself', async () => {
    const { stdout, code } = await house.iamToken(['doctor']);
    assert.doesNotMatch(stdout, /^(failed|warning)/m);
    assert.equal(code, 0);
  });

  it('keeps its socket to itself', () => {
    assert.equal(lstatSync(house.socketPath).mode & 0o777, 0o600);
  });

  it('refuses a token that IAM refuses, with what IAM said, and keeps the one at work', async () => {
    const { stderr, code } = await house.iamToken(['login', '--stdin'], 'y0_AgAAAAsomebodyelses0123456789\n');
    assert.equal(code, 4);
    assert.match(
      stderr,
      /^iam-token: error: IAM says that this OAuth token is invalid or has expired\niam-token: hint: /,
    );
    assert.equal((await house.iamToken()).code, 0);
  });

  for (const [name, token, said] of [
    ['empty', '', /no OAuth token was given/],
    ['with a space in it', 'y0_AgAAAA with space', /space/],
    ['of over 4,000 characters', `y0_${'a'.repeat(4_000)}`, /4,000/],
  ] as const) {
    it(`refuses an OAuth token that is ${name} before any call`, async () => {
      const before = house.emulator.count('POST /iam/v1/tokens');
      const { stderr, code } = await house.iamToken(['login', '--stdin'], `${token}\n`);
      assert.equal(code, 2);
      assert.match(stderr, said);
      assert.equal(house.emulator.count('POST /iam/v1/tokens'), before);
    });
  }

  it('renews when asked to', async () => {
    const before = (await house.iamToken()).stdout;
    assert.equal((await house.iamToken(['refresh'])).code, 0);
    assert.notEqual((await house.iamToken()).stdout, before);
  });

  it('holds several profiles, each with its own token', async () => {
    const other = 'y0_AgAAAAotheraccount0123456789';
    house.emulator.allowOauthToken({ token: other });
    assert.equal((await house.iamToken(['login', '--profile', 'work', '--stdin'], other)).code, 0);
    const [mine, work] = await Promise.all([house.iamToken(), house.iamToken(['--profile', 'work'])]);
    assert.notEqual(mine.stdout, work.stdout);
    assert.equal((await house.iamToken(['use', 'work'])).code, 0);
    assert.equal((await house.iamToken()).stdout, work.stdout);
    assert.equal((await house.iamToken(['use', 'default'])).code, 0);
    assert.equal((await house.iamToken(['--profile', 'nobody'])).code, 7);
  });

  it('serves the same token after a restart without IAM, from the keyring alone', async () => {
    const before = (await house.iamToken()).stdout;
    await house.stopDaemon();
    house.emulator.setFault({ kind: 'cut', atByte: 0, of: 'answer' });
    await house.startDaemon();
    const { stdout, code } = await house.iamToken();
    assert.equal(code, 0);
    assert.equal(stdout, before);
    house.emulator.setFault(null);
  });

  it('ends within a second when told to', async () => {
    const tookMs = await house.stopDaemon();
    assert.ok(tookMs < 1_000, `it took ${tookMs} ms`);
    const { stderr, code } = await house.iamToken();
    assert.equal(code, 3);
    assert.match(stderr, /hint: iam-tokend &/);
  });

  it('forgets the credential at logout', async () => {
    await house.startDaemon();
    assert.equal((await house.iamToken(['logout'])).code, 0);
    assert.equal((await house.iamToken()).code, 7);
    assert.equal((await house.iamToken(['logout', '--profile', 'work'])).code, 0);
    assert.equal((await house.iamToken()).code, 4);
  });
});
