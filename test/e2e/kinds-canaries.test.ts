import assert from 'node:assert/strict';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acting, type HouseKind, houseKinds } from '../support/house-kinds.ts';
import { procFile } from '../support/processes.ts';
import { type RunningHouse, startHouse } from '../support/running-house.ts';

/** Command line and environment of every process that is not this one. */
function processes(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => [procFile(Number(pid), 'cmdline'), procFile(Number(pid), 'environ')]);
}

describe('the secrets of every kind of credential, and the IAM tokens made from them', () => {
  let house: RunningHouse;
  let folder: string;
  const canaries = new Set<string>();
  /** What the programs said, but for the tokens that were asked for. */
  let said = '';
  const seenInProcesses = new Set<string>();

  function look(): void {
    const shown = processes();
    for (const canary of canaries)
      if (shown.some((text) => text.includes(canary))) seenInProcesses.add(canary);
  }

  async function run(args: readonly string[], stdin = ''): Promise<void> {
    const { stdout, stderr } = await house.iamToken(args, stdin);
    said += stdout + stderr;
    look();
  }

  async function take(args: readonly string[]): Promise<void> {
    const { stdout, stderr } = await house.iamToken(args);
    if (stdout.startsWith('t1.')) canaries.add(stdout.trim());
    said += stderr;
    look();
  }

  async function live(name: string, credential: HouseKind): Promise<void> {
    for (const canary of credential.canaries) canaries.add(canary);
    const profile = ['--profile', name.replaceAll(' ', '-')];
    await run(['login', ...profile, ...credential.args], credential.stdin);
    await take(profile);
    await run(['login', ...profile, ...credential.wrong.args], credential.wrong.stdin);
    // What a service may repeat is what it was shown; a key is shown to nobody.
    const shown = credential.kind === 'service-account-key' ? [] : credential.canaries;
    for (const fault of [
      { kind: 'junk' },
      { kind: 'cut' },
      { kind: 'hang_in_body' },
      { kind: 'status', code: 3, message: `bad: ${shown.join(' ')}` },
    ] as const) {
      house.emulator.setFault(fault);
      await run(['refresh', ...profile, '--timeout', '2s']);
      house.emulator.setFault(null);
    }
    credential.refuse();
    await run(['refresh', ...profile]);
    credential.allow();
    await credential.prepareRenewal();
    await run(['refresh', ...profile]);
    await take(profile);
    await run(['status', '--json']);
    await run(['logout', '--revoke', ...profile]);
  }

  before(async function () {
    this.timeout(120_000);
    folder = mkdtempSync(join(tmpdir(), 'credentials-'));
    house = await startHouse({ logLevel: 'debug', config: 'iam: { timeout: 500ms }\n' });
    await house.startDaemon();
    for (const [name, furnish] of Object.entries(houseKinds))
      await live(name, await furnish(house, folder, 0));
    const person = await houseKinds['oauth']?.(house, folder, 1);
    if (person !== undefined) await live('acting', acting(house, person, 'ajeactedas0000000000'));
    await house.stopDaemon();
  });
  after(async () => {
    await house.stop();
    rmSync(folder, { recursive: true });
  });

  it('are many', () => {
    assert.ok(canaries.size > 30, `${canaries.size}`);
    assert.match(said, /logged in as[^]*revoked/);
  });

  it('stand in no file of ours but those of the keyring', () => {
    const stranger = join(house.folder, 'yandex-cloud');
    const found = readdirSync(house.folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(house.folder, name))
      .filter((path) => !path.startsWith(stranger) && lstatSync(path).isFile())
      .filter((path) => {
        const text = readFileSync(path, 'latin1');
        return [...canaries].some((canary) => text.includes(canary));
      });
    assert.deepEqual(found, []);
  });

  it('stand in no log, and in nothing that the programs said beside the tokens', () => {
    const log = house.log();
    assert.match(log, /could not renew the IAM token/);
    const found = [...canaries].filter((canary) => log.includes(canary) || said.includes(canary));
    assert.deepEqual(found, []);
  });

  it('stand in no argv and no environment of any process', () => {
    assert.deepEqual([...seenInProcesses], []);
  });
});
