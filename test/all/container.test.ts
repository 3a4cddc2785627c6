import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askDaemon } from '../support/ask-daemon.ts';
import { type Ended, ended } from '../support/ended.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';

const recipes = readFileSync(fileURLToPath(new URL('../../../RECIPES.md', import.meta.url)), 'utf8');

/** Runs a shell's commands where the only network is a loopback of their own, as a container's. */
function inNetworkOfItsOwn(commands: string): Promise<Ended> {
  return ended(spawn('unshare', ['--net', 'sh', '-c', `ip link set lo up\n${commands}`]));
}

describe('a network of its own, as a container has', () => {
  let house: RunningHouse;

  before(async function () {
    const { stdout } = await inNetworkOfItsOwn('socat -V && echo there').catch(() => ({ stdout: '' }));
    if (!stdout.includes('there')) this.skip();
    house = await startHouse({
      store: 'memory',
      config: 'http: { socket: true }\nmetadata: { listen: 127.0.0.1:0 }\n',
    });
    await house.startDaemon();
    await house.iamToken(['login', '--stdin'], oauthToken);
  });
  after(() => house?.stop());

  const ask =
    'curl -sS --retry 20 --retry-connrefused --retry-delay 1 -H "Metadata-Flavor: Google" ' +
    'http://127.0.0.1:8099/computeMetadata/v1/instance/service-accounts/default/token';

  it('reaches the token by the socket and socat, as RECIPES.md has it', async () => {
    const socat = /^ +sh -c '(socat .*) & exec PROGRAM'$/m.exec(recipes)?.[1] ?? assert.fail('no recipe');
    const command = socat.replace('/run/iam-tokend', dirname(house.socketPath));
    assert.notEqual(command, socat);
    const { stdout, stderr } = await inNetworkOfItsOwn(`${command} & ${ask}; kill $!`);
    const token = (await house.iamToken()).stdout.trim();
    assert.equal((JSON.parse(stdout) as { access_token: string }).access_token, token, stderr);
  });

  it('does not reach the metadata address itself', async () => {
    const { result } = await askDaemon(house.socketPath, 'status', {});
    const address = result?.daemon.metadataAddress ?? assert.fail('it is off');
    const { stderr } = await inNetworkOfItsOwn(`curl -sS http://${address}/`);
    assert.match(stderr, /Failed to connect|Couldn't connect/);
  });
});
