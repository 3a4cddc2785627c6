import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { readProgramName } from '../../src/files/program-name.ts';

describe('the name of the program of a process', () => {
  it('is that of the Node program, whatever its release calls the main thread', function () {
    if (process.platform !== 'linux') this.skip();
    assert.equal(readProgramName(process.pid), basename(process.argv0));
  });

  it('is that of the command line, where the process is called by its main thread', async function () {
    if (process.platform !== 'linux') this.skip();
    const folder = mkdtempSync(join(tmpdir(), 'program-name-'));
    const program = join(folder, 'MainThread');
    copyFileSync('/bin/sleep', program);
    const child = spawn(program, ['1000'], { argv0: '/usr/bin/node' });
    try {
      await once(child, 'spawn');
      assert.equal(readProgramName(child.pid ?? 0), 'node');
    } finally {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true });
    }
  });
});
