import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { encodeFrame } from '../../../src/protocol/envelope.ts';
import { runCli } from '../../support/processes/run-cli.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';
import { ScriptedDaemon } from '../../support/daemon/scripted-daemon.ts';
import { parseTranscript, type RecordedCommand, withUnknownFields } from '../../support/daemon/transcript.ts';

const folder = fileURLToPath(new URL('../../../../test/protocol/releases/', import.meta.url));
const releases = readdirSync(folder).map((name) => name.replace('.txt', ''));
/** Fields whose values are a contract, and not only their types. */
const contractFields = new Set(['code', 'outcome', 'state', 'kind', 'event', 'profile']);

function readTranscript(release: string): readonly RecordedCommand[] {
  return parseTranscript(readFileSync(`${folder}${release}.txt`, 'utf8'));
}

/** Each field of before still exists with the same type; more may exist. */
function assertCompatible(actual: unknown, before: unknown, fieldPath: string): void {
  if (typeof before !== 'object' || before === null) {
    if (before !== null) assert.equal(typeof actual, typeof before, fieldPath);
    if (contractFields.has(fieldPath.split('.').at(-1) ?? '')) assert.equal(actual, before, fieldPath);
    return;
  }
  for (const [name, value] of Object.entries(before)) {
    assertCompatible((actual as Record<string, unknown> | null)?.[name], value, `${fieldPath}.${name}`);
  }
}

/** Runs the current client against a daemon that responds as recorded. */
async function assertClientUnderstands(
  { args, frames, stdout }: RecordedCommand,
  change: (data: unknown) => unknown,
): Promise<void> {
  const results = frames.filter(({ from }) => from === 'daemon').map(({ data }) => data['result']);
  const daemon = await ScriptedDaemon.start((request, peer) => {
    peer.respond(request, change(results.shift()));
    if (request.method === 'stop') peer.end();
  });
  try {
    const run = await runCli(args, { socket: daemon.socketPath, stdin: oauthToken });
    assert.equal(run.code, 0, `${args.join(' ')}: ${run.stderr}`);
    // The text for people contains local times.
    const isForPrograms = args.length === 0 || args.includes('--json') || args.includes('--format');
    if (isForPrograms) assert.equal(run.stdout, stdout, args.join(' '));
  } finally {
    await daemon.close();
  }
}

for (const release of releases) {
  for (const [titleSuffix, change] of [
    ['', (data: unknown) => data],
    [', with fields of a later release', withUnknownFields],
  ] as const) {
    describe(`release ${release}${titleSuffix}`, () => {
      let testEnv: TestEnvironment | undefined;

      afterEach(async () => {
        await testEnv?.stop();
        testEnv = undefined;
      });

      it('as a client, is served by the current daemon', async () => {
        testEnv = await startTestEnvironment({ store: 'memory' });
        await testEnv.startDaemon();
        for (const { args, frames } of readTranscript(release)) {
          const socket = connect(testEnv.socketPath).setEncoding('utf8');
          const responses = socket[Symbol.asyncIterator]() as AsyncIterator<string>;
          for (const { from, data } of frames) {
            if (from === 'client') {
              socket.write(encodeFrame(change(data)));
              continue;
            }
            const { value } = await responses.next();
            const frame = JSON.parse(String(value).replace('\f', '')) as { readonly data: unknown };
            assertCompatible(frame.data, data, args.join(' '));
          }
          socket.destroy();
        }
      });

      it('as a daemon, is understood by the current client', async () => {
        await Promise.all(readTranscript(release).map((command) => assertClientUnderstands(command, change)));
      });
    });
  }
}
