import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkSocketFolder, type FileFacts } from '../../src/platform/socket-folder.ts';
import { lstat } from '../../src/platform/surroundings.ts';

const me = 1000;
const other = 2000;
const folder = '/place';
const socketPath = '/place/ipc.sock';

function facts(type: 'folder' | 'link' | 'file', uid: number, mode: number): FileFacts {
  return { uid, mode, isDirectory: () => type === 'folder', isSymbolicLink: () => type === 'link' };
}

function check(isNamed: boolean, found: FileFacts | undefined, socketOwner?: number): string {
  const socket = socketOwner === undefined ? undefined : facts('file', socketOwner, 0o600);
  const files = new Map([
    [folder, found],
    [socketPath, socket],
  ]);
  return checkSocketFolder({ socketPath, isNamed, uid: me, lstat: (path) => files.get(path) }).kind;
}

describe("the socket's folder", () => {
  it('is private when it is ours and closed', () => {
    assert.equal(check(false, facts('folder', me, 0o700)), 'private');
    assert.equal(check(true, facts('folder', me, 0o700)), 'private');
  });

  it('may be missing', () => assert.equal(check(false, undefined), 'missing'));

  it('is refused for any right of others, when nobody named the socket', () => {
    for (const right of [0o040, 0o020, 0o010, 0o004, 0o002, 0o001]) {
      assert.equal(check(false, facts('folder', me, 0o700 | right), me), 'refused', right.toString(8));
    }
  });

  it("is refused when it is root's or somebody else's, when nobody named the socket", () => {
    assert.equal(check(false, facts('folder', 0, 0o700), me), 'refused');
    assert.equal(check(false, facts('folder', other, 0o700), other), 'refused');
  });

  it('is refused when it is a link or a file, named or not', () => {
    for (const isNamed of [false, true]) {
      assert.equal(check(isNamed, facts('link', me, 0o777)), 'refused');
      assert.equal(check(isNamed, facts('file', me, 0o600)), 'refused');
    }
  });

  it("is guarded when the socket is named and the folder is root's or its owner's, and not to be written by others", () => {
    assert.equal(check(true, facts('folder', 0, 0o755), 990), 'guarded');
    assert.equal(check(true, facts('folder', 0, 0o750), 990), 'guarded');
    assert.equal(check(true, facts('folder', other, 0o755), other), 'guarded');
    assert.equal(check(true, facts('folder', me, 0o755), me), 'guarded');
    assert.equal(check(true, facts('folder', me, 0o755), undefined), 'guarded');
  });

  it('is private to root where it is that of the whole system, named, and written to by root alone', () => {
    const kind = (uid: number, mode: number, path = '/run/iam-tokend/ipc.sock', isNamed = true): string =>
      checkSocketFolder({ socketPath: path, isNamed, uid, lstat: () => facts('folder', 0, mode) }).kind;
    assert.equal(kind(0, 0o750), 'private');
    assert.equal(kind(me, 0o750), 'guarded');
    assert.equal(kind(0, 0o750, '/run/other/ipc.sock'), 'guarded');
    assert.equal(kind(0, 0o770), 'refused');
    assert.equal(kind(0, 0o750, '/run/iam-tokend/ipc.sock', false), 'refused');
  });

  it('is refused when others can write to it, though the socket is named', () => {
    assert.equal(check(true, facts('folder', 0, 0o1777), me), 'refused');
    assert.equal(check(true, facts('folder', 0, 0o770), 990), 'refused');
    assert.equal(check(true, facts('folder', me, 0o720), me), 'refused');
    assert.equal(check(true, facts('folder', other, 0o757), other), 'refused');
  });

  it("is to be closed where it is the socket's own, and to be left alone where it is not", () => {
    const hint = (path: string): string | null => {
      const question = { socketPath: path, isNamed: true, uid: 0, lstat: () => facts('folder', 0, 0o1777) };
      const answer = checkSocketFolder(question);
      return answer.kind === 'refused' ? answer.hint : null;
    };
    assert.equal(hint('/tmp/iam-tokend-0/ipc.sock'), "chmod 700 '/tmp/iam-tokend-0'");
    assert.match(
      hint('/tmp/my.sock') ?? '',
      /^give the socket a folder of its own, such as \/tmp\/iam-tokend\/ipc\.sock/,
    );
    assert.match(hint('my.sock') ?? '', /such as iam-tokend\/ipc\.sock/);
  });

  it("is refused when it is neither root's nor the socket's owner's, though the socket is named", () => {
    assert.equal(check(true, facts('folder', other, 0o755), me), 'refused');
    assert.equal(check(true, facts('folder', other, 0o700), undefined), 'refused');
  });

  it('is refused when it cannot be looked at', () => {
    const answer = checkSocketFolder({
      socketPath,
      isNamed: true,
      uid: me,
      lstat: () => {
        throw new Error('EACCES: permission denied');
      },
    });
    assert.equal(answer.kind, 'refused');
    assert.match(answer.kind === 'refused' ? answer.message : '', /EACCES/);
  });

  it('is always private on Windows, where a pipe lies in none', () => {
    const pipe = String.raw`\\.\pipe\iam-tokend-ada`;
    assert.equal(checkSocketFolder({ socketPath: pipe, isNamed: true, uid: null, lstat }).kind, 'private');
  });

  it('is judged the same on a real file system', () => {
    const uid = process.getuid?.() ?? null;
    const root = mkdtempSync(join(tmpdir(), 'iam-tokend-'));
    const kind = (name: string): string =>
      checkSocketFolder({ socketPath: join(root, name, 'ipc.sock'), isNamed: false, uid, lstat }).kind;
    try {
      mkdirSync(join(root, 'closed'), { mode: 0o700 });
      mkdirSync(join(root, 'open'));
      chmodSync(join(root, 'open'), 0o750);
      symlinkSync(join(root, 'closed'), join(root, 'link'));
      writeFileSync(join(root, 'file'), '');
      assert.deepEqual(['closed', 'open', 'link', 'file', 'nothing'].map(kind), [
        'private',
        'refused',
        'refused',
        'refused',
        'missing',
      ]);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
