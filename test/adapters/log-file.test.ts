import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LogFile } from '../../src/adapters/log-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('a log file', () => {
  const folder = temporaryFolder();
  const path = (): string => join(folder(), 'a', 'b', 'x.log');
  const text = (suffix = ''): string => readFileSync(`${path()}${suffix}`, 'utf8');

  it('makes its folder, and makes it again when somebody took it away', () => {
    const file = new LogFile(path(), 100, 3);
    file.write('one\n');
    rmSync(join(folder(), 'a'), { recursive: true });
    file.write('two\n');
    assert.equal(text(), 'two\n');
  });

  it('is put aside before it outgrows its size, the newest under the lowest number', () => {
    const file = new LogFile(path(), 10, 3);
    for (const line of ['1234\n', '5678\n', 'abcd\n', 'efgh\n', 'ABCD\n', 'EFGH\n', 'last\n'])
      file.write(line);
    assert.deepEqual([text(), text('.1'), text('.2')], ['last\n', 'ABCD\nEFGH\n', 'abcd\nefgh\n']);
    assert.equal(existsSync(`${path()}.3`), false);
  });

  it('takes a line that is longer than a file may be, alone', () => {
    const file = new LogFile(path(), 10, 3);
    for (const line of ['1\n', 'far longer than ten\n', '2\n']) file.write(line);
    assert.deepEqual([text(), text('.1'), text('.2')], ['2\n', 'far longer than ten\n', '1\n']);
  });

  it('counts bytes, not characters', () => {
    const file = new LogFile(path(), 10, 2);
    file.write('яяя\n');
    file.write('яя\n');
    assert.deepEqual([text(), text('.1')], ['яя\n', 'яяя\n']);
  });

  it('throws what the disk says, and tries the next line anew', () => {
    const file = new LogFile(path(), 10, 2);
    mkdirSync(path(), { recursive: true });
    assert.throws(() => file.write('lost\n'), { code: 'EISDIR' });
    rmSync(path(), { recursive: true });
    file.write('kept\n');
    assert.equal(text(), 'kept\n');
    assert.deepEqual(readdirSync(join(path(), '..')), ['x.log']);
  });
});
