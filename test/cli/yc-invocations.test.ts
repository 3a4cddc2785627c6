import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnv } from '../support/run-cli.ts';
import { ownYc } from '../support/own-yc.ts';
import { tokenOf } from '../support/scripted-answers.ts';
import { answering, ScriptedDaemon } from '../support/scripted-daemon.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Invocation, invocations } from './yc-invocations.ts';

const atOnce = 4;

/** Of jq, what the scripts use. */
const jq = `#!/usr/bin/env python3
import json, re, sys
whole, wanted = json.load(sys.stdin), sys.argv[-1]
if wanted.startswith('.'): print(whole[wanted[1:]])
else: print(json.dumps({name: whole[name] for name in re.findall(r'\\w+', wanted)}))
`;

describe('scripts that call yc iam create-token', () => {
  const folder = temporaryFolder();
  const token = tokenOf(12 * 60 * 60_000);

  it('run as they are with our yc, at least 95 in 100', async () => {
    const daemon = await ScriptedDaemon.start(answering({ token }));
    try {
      ownYc(folder());
      program('jq', jq);
      program('docker', '#!/bin/sh\nexec cat\n');
      const env = {
        ...cleanEnv({ socket: daemon.socketPath }),
        HOME: folder(),
        PATH: `${folder()}:${process.env['PATH']}`,
      };
      const answers: string[] = [];
      for (let at = 0; at < invocations.length; at += atOnce) {
        const some = invocations.slice(at, at + atOnce);
        answers.push(...(await Promise.all(some.map(({ run }) => outputOf(run, env)))));
      }
      const missed = invocations.filter((_, index) => answers[index] !== `${token.token}\n`);
      const expected = invocations.filter(({ misses }) => misses !== undefined);
      assert.deepEqual(missed, expected);
      assert.ok(missed.length <= invocations.length * 0.05);
    } finally {
      await daemon.close();
    }
  });

  it('are at least 30, each from another place', () => {
    assert.ok(invocations.length >= 30);
    assert.equal(new Set(invocations.map(({ source }: Invocation) => source)).size, invocations.length);
    assert.ok(invocations.every(({ line }) => /\byc\b|iam.{0,4}create-token/.test(line)));
  });

  function program(name: string, text: string): void {
    writeFileSync(join(folder(), name), text);
    chmodSync(join(folder(), name), 0o755);
  }

  /** What it prints; with the reason, where it fails. */
  function outputOf(run: string, env: Record<string, string>): Promise<string> {
    return new Promise((resolve) => {
      execFile('sh', ['-e', '-c', run], { env, cwd: folder() }, (error, stdout, stderr) => {
        resolve(error === null ? stdout : `${stdout}${stderr}${error.message}`);
      });
    });
  }
});
