/**
 * Records the messages of each command of this release, for the compatibility tests of later releases:
 *   node dist/test/support/daemon/record-transcript.js >test/protocol/releases/VERSION.txt
 */
import { connect, createServer, type Socket } from 'node:net';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '../../../src/shared/version.ts';
import { oauthToken, startTestEnvironment } from '../test-environment.ts';

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
  ['login --profile home --folder-id b1other'],
  ['profiles rename home private'],
  ['logout --profile private --revoke'],
  ['stop'],
];

const testEnv = await startTestEnvironment({ store: 'memory' });
try {
  await testEnv.startDaemon();
  const folder = join(testEnv.folder, 'recorder');
  mkdirSync(folder, { mode: 0o700 });
  const relayServer = createServer((client) => {
    const daemon = connect(testEnv.socketPath);
    relay(client, daemon, '→');
    relay(daemon, client, '←');
  });
  await new Promise<void>((resolve) => relayServer.listen(join(folder, 'ipc.sock'), resolve));
  printLine(`What the commands of ${version} say over the wire, and to whom; the tokens were never real.`);
  for (const [args, stdin] of commands) {
    printLine(`\n$ iam-token ${args}`.trimEnd());
    const { stdout } = await testEnv.iamToken(
      [...args.split(' ').filter((word) => word !== ''), '--socket', join(folder, 'ipc.sock')],
      stdin,
    );
    for (const line of stdout.trimEnd().split('\n')) printLine(`= ${line}`);
  }
  relayServer.close();
} finally {
  await testEnv.stop();
}

function relay(from: Socket, to: Socket, direction: string): void {
  let partialFrame = '';
  from.setEncoding('utf8').on('data', (chunk: string) => {
    to.write(chunk);
    const frames = (partialFrame + chunk).split('\f');
    partialFrame = frames.pop() ?? '';
    for (const frame of frames)
      printLine(`${direction} ${JSON.stringify((JSON.parse(frame) as { data: object }).data)}`);
  });
  from.once('close', () => to.destroy());
  from.on('error', () => to.destroy());
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
