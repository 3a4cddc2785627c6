import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { encodeFrame } from '../../src/protocol/frames.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';

const document = readFileSync(fileURLToPath(new URL('../../../PROTOCOL.md', import.meta.url)), 'utf8');

/** The block of a kind below a heading. */
function block(heading: string, language: string): string {
  const section = document.slice(document.indexOf(`## ${heading}`));
  const match = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(section);
  assert.ok(match?.[1], `PROTOCOL.md has a block under ${heading}`);
  return match[1];
}

/** What a transcript says, with `*` for any string. */
function assertLike(actual: unknown, expected: unknown, where: string): void {
  if (expected === '*') {
    assert.equal(typeof actual, 'string', where);
  } else if (
    typeof expected === 'object' &&
    expected !== null &&
    typeof actual === 'object' &&
    actual !== null
  ) {
    assert.deepEqual(Object.keys(actual).toSorted(), Object.keys(expected).toSorted(), where);
    for (const [key, value] of Object.entries(expected)) {
      assertLike((actual as Record<string, unknown>)[key], value, `${where}.${key}`);
    }
  } else {
    assert.deepEqual(actual, expected, where);
  }
}

/** The names of all fields, however deep. */
function keysWithin(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(keysWithin);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, within]) => [name, ...keysWithin(within)]);
}

function isOfAnError(name: string): boolean {
  return ['code', 'message', 'hint', 'retryAfterMs'].includes(name);
}

describe('PROTOCOL.md', () => {
  let house: RunningHouse;

  beforeEach(async () => {
    house = await startHouse({ store: 'memory' });
    await house.startDaemon();
  });
  afterEach(() => house.stop());

  it('has a transcript that the daemon follows', async () => {
    const socket = connect(house.socketPath).setEncoding('utf8');
    const received: string[] = [];
    let rest = '';
    let wake: () => void = () => undefined;
    socket.on('data', (piece: string) => {
      const frames = (rest + piece).split('\f');
      rest = frames.pop() ?? '';
      received.push(...frames);
      wake();
    });
    const nextFrame = async (): Promise<string> => {
      while (received.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return received.shift() ?? '';
    };
    for (const line of block('Transcript', '').trim().split('\n')) {
      const { data } = JSON.parse(line.slice(2)) as { readonly data: Record<string, unknown> };
      if (line.startsWith('→')) {
        const params = data['params'] as { secret?: string } | undefined;
        if (params?.secret !== undefined) params.secret = oauthToken;
        socket.write(encodeFrame(data));
      } else {
        const frame = JSON.parse(await nextFrame()) as { readonly data: unknown };
        assertLike(frame.data, data, line);
      }
    }
    socket.destroy();
  });

  it('names every field that status has', async () => {
    await house.iamToken(['login', '--stdin'], oauthToken);
    house.emulator.setFault({ kind: 'unavailable' });
    await house.iamToken(['refresh']);
    const { stdout } = await house.iamToken(['status', '--json']);
    const status = JSON.parse(stdout) as object;
    assert.deepEqual(Object.keys(status), ['daemon', 'profiles']);
    const said = document.slice(document.indexOf('`status` gives'), document.indexOf('## Login'));
    for (const name of keysWithin(status)) assert.ok(said.includes(`\`${name}\``) || isOfAnError(name), name);
  });

  it('has a client in Python that gets a token', async () => {
    await house.iamToken(['login', '--stdin'], oauthToken);
    const { stdout } = await promisify(execFile)(
      'python3',
      ['-c', block('A client in ten lines', 'python')],
      {
        env: house.environment,
      },
    );
    assert.equal(stdout, (await house.iamToken()).stdout);
  });
});
