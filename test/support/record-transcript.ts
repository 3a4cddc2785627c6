/**
 * Records what the commands of this release say over the wire, for later releases to be held to:
 *   node dist/test/support/record-transcript.js >test/protocol/releases/VERSION.txt
 */
import { connect, createServer, type Socket } from 'node:net';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '../../src/shared/version.ts';
import { oauthToken, startHouse } from './running-house.ts';

const commands: readonly (readonly [args: string, stdin?: string])[] = [
  ['login --oauth --stdin --profile work --cloud-id b1gcloud --folder-id b1gfolder', oauthToken],
  [''],
  ['--profile work --min-ttl 10m --format json'],
  ['--format header'],
  ['refresh --profile work'],
  ['aws-credential-process'],
  ['profiles --json'],
  ['use work'],
  ['status --json'],
  ['lock'],
  ['unlock'],
  ['login --oauth --stdin --profile home', oauthToken],
  ['logout --profile home --revoke'],
  ['stop'],
];

const house = await startHouse({ store: 'memory' });
try {
  await house.startDaemon();
  const folder = join(house.folder, 'recorder');
  mkdirSync(folder, { mode: 0o700 });
  const listener = createServer((client) => {
    const daemon = connect(house.socketPath);
    relay(client, daemon, '→');
    relay(daemon, client, '←');
  });
  await new Promise<void>((resolve) => listener.listen(join(folder, 'ipc.sock'), resolve));
  say(`What the commands of ${version} say over the wire, and to whom; the tokens were never real.`);
  for (const [args, stdin] of commands) {
    say(`\n$ iam-token ${args}`.trimEnd());
    const { stdout } = await house.iamToken(
      [...args.split(' ').filter((word) => word !== ''), '--socket', join(folder, 'ipc.sock')],
      stdin,
    );
    for (const line of stdout.trimEnd().split('\n')) say(`= ${line}`);
  }
  listener.close();
} finally {
  await house.stop();
}

function relay(from: Socket, to: Socket, mark: string): void {
  let rest = '';
  from.setEncoding('utf8').on('data', (piece: string) => {
    to.write(piece);
    const frames = (rest + piece).split('\f');
    rest = frames.pop() ?? '';
    for (const frame of frames)
      say(`${mark} ${JSON.stringify((JSON.parse(frame) as { data: object }).data)}`);
  });
  from.once('close', () => to.destroy());
  from.on('error', () => to.destroy());
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
