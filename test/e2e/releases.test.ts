import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { encodeFrame } from '../../src/protocol/frames.ts';
import { runCli } from '../support/run-cli.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';
import { ScriptedDaemon } from '../support/scripted-daemon.ts';
import { parseTranscript, type RecordedCommand, withUnknownFields } from '../support/transcript.ts';

const folder = fileURLToPath(new URL('../../../test/protocol/releases/', import.meta.url));
const releases = readdirSync(folder).map((name) => name.replace('.txt', ''));
/** Fields whose values are a contract, and not only their types. */
const words = new Set(['code', 'outcome', 'state', 'kind', 'event', 'profile']);

function recorded(release: string): readonly RecordedCommand[] {
  return parseTranscript(readFileSync(`${folder}${release}.txt`, 'utf8'));
}

/** All that was there is there, in the same form; more may be. */
function assertKept(actual: unknown, before: unknown, where: string): void {
  if (typeof before !== 'object' || before === null) {
    if (before !== null) assert.equal(typeof actual, typeof before, where);
    if (words.has(where.split('.').at(-1) ?? '')) assert.equal(actual, before, where);
    return;
  }
  for (const [name, value] of Object.entries(before)) {
    assertKept((actual as Record<string, unknown> | null)?.[name], value, `${where}.${name}`);
  }
}

/** Against a daemon that answers as recorded. */
async function assertUnderstood(
  { args, frames, stdout }: RecordedCommand,
  change: (data: unknown) => unknown,
): Promise<void> {
  const answers = frames.filter(({ from }) => from === 'daemon').map(({ data }) => data['result']);
  const daemon = await ScriptedDaemon.start((request, peer) => {
    peer.answer(request, change(answers.shift()));
    if (request.method === 'stop') peer.end();
  });
  try {
    const run = await runCli(args, { socket: daemon.socketPath, stdin: oauthToken });
    assert.equal(run.code, 0, `${args.join(' ')}: ${run.stderr}`);
    // Of the rest a person's local time is a part.
    const isForPrograms = args.length === 0 || args.includes('--json') || args.includes('--format');
    if (isForPrograms) assert.equal(run.stdout, stdout, args.join(' '));
  } finally {
    await daemon.close();
  }
}

for (const release of releases) {
  for (const [later, change] of [
    ['', (data: unknown) => data],
    [', with fields that only a later one knows', withUnknownFields],
  ] as const) {
    describe(`release ${release}${later}`, () => {
      let house: RunningHouse | undefined;

      afterEach(async () => {
        await house?.stop();
        house = undefined;
      });

      it('as a client gets from this daemon all that it got from its own', async () => {
        house = await startHouse({ store: 'memory' });
        await house.startDaemon();
        for (const { args, frames } of recorded(release)) {
          const socket = connect(house.socketPath).setEncoding('utf8');
          const answers = socket[Symbol.asyncIterator]() as AsyncIterator<string>;
          for (const { from, data } of frames) {
            if (from === 'client') {
              socket.write(encodeFrame(change(data)));
              continue;
            }
            const { value } = await answers.next();
            const frame = JSON.parse(String(value).replace('\f', '')) as { readonly data: unknown };
            assertKept(frame.data, data, args.join(' '));
          }
          socket.destroy();
        }
      });

      it('as a daemon is understood by this client', async () => {
        await Promise.all(recorded(release).map((command) => assertUnderstood(command, change)));
      });
    });
  }
}
