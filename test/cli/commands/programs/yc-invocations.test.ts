import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildCleanEnv } from '../../../support/processes/run-cli.ts';
import { writeYcShim } from '../../../support/processes/yc-shim.ts';
import { createTokenResult } from '../../../support/daemon/scripted-results.ts';
import { respondWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import { useTemporaryFolder } from '../../../support/temporary-folder.ts';
import { type YcInvocation, invocations } from './yc-invocations.ts';

const concurrency = 4;

/** The subset of jq that the scripts use. */
const jq = `#!/usr/bin/env python3
import json, re, sys
whole, wanted = json.load(sys.stdin), sys.argv[-1]
if wanted.startswith('.'): print(whole[wanted[1:]])
else: print(json.dumps({name: whole[name] for name in re.findall(r'\\w+', wanted)}))
`;

describe('scripts that call yc iam create-token', () => {
  const folder = useTemporaryFolder();
  const token = createTokenResult(12 * 60 * 60_000);

  it('run unchanged with the yc shim, at least 95 of 100', async () => {
    const daemon = await ScriptedDaemon.start(respondWith({ token }));
    try {
      writeYcShim(folder());
      writeProgram('jq', jq);
      writeProgram('docker', '#!/bin/sh\nexec cat\n');
      const env = {
        ...buildCleanEnv({ socket: daemon.socketPath }),
        HOME: folder(),
        PATH: `${folder()}:${process.env['PATH']}`,
      };
      const outputs: string[] = [];
      for (let index = 0; index < invocations.length; index += concurrency) {
        const batch = invocations.slice(index, index + concurrency);
        outputs.push(...(await Promise.all(batch.map(({ script }) => outputOf(script, env)))));
      }
      const failedInvocations = invocations.filter((_, index) => outputs[index] !== `${token.token}\n`);
      const expected = invocations.filter(({ unsupportedReason }) => unsupportedReason !== undefined);
      assert.deepEqual(failedInvocations, expected);
      assert.ok(failedInvocations.length <= invocations.length * 0.05);
    } finally {
      await daemon.close();
    }
  });

  it('are at least 30, from different sources', () => {
    assert.ok(invocations.length >= 30);
    assert.equal(new Set(invocations.map(({ source }: YcInvocation) => source)).size, invocations.length);
    assert.ok(invocations.every(({ line }) => /\byc\b|iam.{0,4}create-token/.test(line)));
  });

  function writeProgram(name: string, text: string): void {
    writeFileSync(join(folder(), name), text);
    chmodSync(join(folder(), name), 0o755);
  }

  /** The output of the script, plus its errors if it fails. */
  function outputOf(script: string, env: Record<string, string>): Promise<string> {
    return new Promise((resolve) => {
      execFile('sh', ['-e', '-c', script], { env, cwd: folder() }, (error, stdout, stderr) => {
        resolve(error === null ? stdout : `${stdout}${stderr}${error.message}`);
      });
    });
  }
});
