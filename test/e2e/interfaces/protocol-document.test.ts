import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { encodeFrame } from '../../../src/protocol/envelope.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';

const document = readFileSync(fileURLToPath(new URL('../../../../PROTOCOL.md', import.meta.url)), 'utf8');

/** The first block in a language below a heading. */
function readCodeBlock(heading: string, language: string): string {
  const section = document.slice(document.indexOf(`\n## ${heading}\n`));
  const match = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(section);
  assert.ok(match?.[1], `PROTOCOL.md has a block under ${heading}`);
  return match[1];
}

/** Compares with a line of the transcript, in which `*` matches any string. */
function assertMatches(actual: unknown, expected: unknown, context: string): void {
  if (expected === '*') {
    assert.equal(typeof actual, 'string', context);
  } else if (
    typeof expected === 'object' &&
    expected !== null &&
    typeof actual === 'object' &&
    actual !== null
  ) {
    assert.deepEqual(Object.keys(actual).toSorted(), Object.keys(expected).toSorted(), context);
    for (const [key, value] of Object.entries(expected)) {
      assertMatches((actual as Record<string, unknown>)[key], value, `${context}.${key}`);
    }
  } else {
    assert.deepEqual(actual, expected, context);
  }
}

/** The names of all fields, nested ones too. */
function listKeys(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(listKeys);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, fieldValue]) => [name, ...listKeys(fieldValue)]);
}

function isErrorField(name: string): boolean {
  return ['code', 'message', 'hint', 'retryAfterMs'].includes(name);
}

describe('PROTOCOL.md', () => {
  let testEnv: TestEnvironment;

  beforeEach(async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
    await testEnv.startDaemon();
  });
  afterEach(() => testEnv.stop());

  it('has a transcript that matches the daemon', async () => {
    const socket = connect(testEnv.socketPath).setEncoding('utf8');
    const received: string[] = [];
    let partialFrame = '';
    let notifyReader: () => void = () => undefined;
    socket.on('data', (chunk: string) => {
      const frames = (partialFrame + chunk).split('\f');
      partialFrame = frames.pop() ?? '';
      received.push(...frames);
      notifyReader();
    });
    const nextFrame = async (): Promise<string> => {
      while (received.length === 0) await new Promise<void>((resolve) => (notifyReader = resolve));
      return received.shift() ?? '';
    };
    for (const line of readCodeBlock('Transcript', '').trim().split('\n')) {
      const { data } = JSON.parse(line.slice(2)) as { readonly data: Record<string, unknown> };
      if (line.startsWith('→')) {
        const params = data['params'] as { secret?: string } | undefined;
        if (params?.secret !== undefined) params.secret = oauthToken;
        socket.write(encodeFrame(data));
      } else {
        const frame = JSON.parse(await nextFrame()) as { readonly data: unknown };
        assertMatches(frame.data, data, line);
      }
    }
    socket.destroy();
  });

  it('documents every field of status', async () => {
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
    testEnv.emulator.setFault({ kind: 'unavailable' });
    await testEnv.iamToken(['refresh']);
    const { stdout } = await testEnv.iamToken(['status', '--json']);
    const status = JSON.parse(stdout) as object;
    assert.deepEqual(Object.keys(status), ['daemon', 'profiles']);
    const statusSection = document.slice(document.indexOf('\n## Status\n'), document.indexOf('\n## Login\n'));
    for (const name of listKeys(status))
      assert.ok(statusSection.includes(`\`${name}\``) || isErrorField(name), name);
  });

  it('has a client in Python that gets a token', async () => {
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
    const { stdout } = await promisify(execFile)(
      'python3',
      ['-c', readCodeBlock('A client in ten lines', 'python')],
      {
        env: testEnv.environment,
      },
    );
    assert.equal(stdout, (await testEnv.iamToken()).stdout);
  });
});
