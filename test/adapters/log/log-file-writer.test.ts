import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createLogFileWriter } from '../../../src/adapters/log-file-writer.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

describe('createLogFileWriter', () => {
  const folder = useTemporaryFolder();
  const path = (): string => join(folder(), 'a', 'b', 'x.log');
  const text = (suffix = ''): string => readFileSync(`${path()}${suffix}`, 'utf8');

  it('creates its folder, and creates it again after a removal', () => {
    const write = createLogFileWriter(path(), 100, 3);
    write('one\n');
    rmSync(join(folder(), 'a'), { recursive: true });
    write('two\n');
    assert.equal(text(), 'two\n');
  });

  it('rotates before a file exceeds its size, with the newest under the lowest number', () => {
    const write = createLogFileWriter(path(), 10, 3);
    for (const line of ['1234\n', '5678\n', 'abcd\n', 'efgh\n', 'ABCD\n', 'EFGH\n', 'last\n']) write(line);
    assert.deepEqual([text(), text('.1'), text('.2')], ['last\n', 'ABCD\nEFGH\n', 'abcd\nefgh\n']);
    assert.equal(existsSync(`${path()}.3`), false);
  });

  it('writes a line that exceeds the size of a file into a file of its own', () => {
    const write = createLogFileWriter(path(), 10, 3);
    for (const line of ['1\n', 'far longer than ten\n', '2\n']) write(line);
    assert.deepEqual([text(), text('.1'), text('.2')], ['2\n', 'far longer than ten\n', '1\n']);
  });

  it('counts bytes, not characters', () => {
    const write = createLogFileWriter(path(), 10, 2);
    write('яяя\n');
    write('яя\n');
    assert.deepEqual([text(), text('.1')], ['яя\n', 'яяя\n']);
  });

  it('throws the system error, and retries with the next line', () => {
    const write = createLogFileWriter(path(), 10, 2);
    mkdirSync(path(), { recursive: true });
    assert.throws(() => write('lost\n'), { code: 'EISDIR' });
    rmSync(path(), { recursive: true });
    write('kept\n');
    assert.equal(text(), 'kept\n');
    assert.deepEqual(readdirSync(join(path(), '..')), ['x.log']);
  });

  it('throws the reason for which it cannot rotate', () => {
    const write = createLogFileWriter(path(), 10, 2);
    write('12345678\n');
    mkdirSync(`${path()}.1`);
    assert.throws(() => write('lost\n'), { code: 'EISDIR', syscall: 'rename' });
    assert.equal(text(), '12345678\n');
  });
});
