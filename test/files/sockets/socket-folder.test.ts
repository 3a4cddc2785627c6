import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkSocketFolder, type FileStats } from '../../../src/files/sockets/socket-folder.ts';
import { lstat } from '../../../src/files/sockets/socket-folder.ts';

const ownUid = 1000;
const otherUid = 2000;
const folder = '/place';
const socketPath = '/place/ipc.sock';

function stats(type: 'folder' | 'link' | 'file', uid: number, mode: number): FileStats {
  return { uid, mode, isDirectory: () => type === 'folder', isSymbolicLink: () => type === 'link' };
}

function check(isExplicit: boolean, folderStats: FileStats | undefined, socketOwner?: number): string {
  const socket = socketOwner === undefined ? undefined : stats('file', socketOwner, 0o600);
  const files = new Map([
    [folder, folderStats],
    [socketPath, socket],
  ]);
  return checkSocketFolder({ socketPath, isExplicit, uid: ownUid, lstat: (path) => files.get(path) }).kind;
}

describe("the socket's folder", () => {
  it('is private when it belongs to this user and is closed to others', () => {
    assert.equal(check(false, stats('folder', ownUid, 0o700)), 'private');
    assert.equal(check(true, stats('folder', ownUid, 0o700)), 'private');
  });

  it('may be missing', () => assert.equal(check(false, undefined), 'missing'));

  it('is untrusted with any permission for others, for the default socket', () => {
    for (const right of [0o040, 0o020, 0o010, 0o004, 0o002, 0o001]) {
      assert.equal(
        check(false, stats('folder', ownUid, 0o700 | right), ownUid),
        'untrusted',
        right.toString(8),
      );
    }
  });

  it('is untrusted when it belongs to root or another user, for the default socket', () => {
    assert.equal(check(false, stats('folder', 0, 0o700), ownUid), 'untrusted');
    assert.equal(check(false, stats('folder', otherUid, 0o700), otherUid), 'untrusted');
  });

  it('is untrusted when it is a link or a file', () => {
    for (const isExplicit of [false, true]) {
      assert.equal(check(isExplicit, stats('link', ownUid, 0o777)), 'untrusted');
      assert.equal(check(isExplicit, stats('file', ownUid, 0o600)), 'untrusted');
    }
  });

  it("is guarded when only root or the socket's owner can write to it, for an explicit socket", () => {
    assert.equal(check(true, stats('folder', 0, 0o755), 990), 'guarded');
    assert.equal(check(true, stats('folder', 0, 0o750), 990), 'guarded');
    assert.equal(check(true, stats('folder', otherUid, 0o755), otherUid), 'guarded');
    assert.equal(check(true, stats('folder', ownUid, 0o755), ownUid), 'guarded');
    assert.equal(check(true, stats('folder', ownUid, 0o755), undefined), 'guarded');
  });

  it('is private for root when it is the folder of the system-wide socket and only root can write to it', () => {
    const kind = (uid: number, mode: number, path = '/run/iam-tokend/ipc.sock', isExplicit = true): string =>
      checkSocketFolder({ socketPath: path, isExplicit, uid, lstat: () => stats('folder', 0, mode) }).kind;
    assert.equal(kind(0, 0o750), 'private');
    assert.equal(kind(ownUid, 0o750), 'guarded');
    assert.equal(kind(0, 0o750, '/run/other/ipc.sock'), 'guarded');
    assert.equal(kind(0, 0o770), 'untrusted');
    assert.equal(kind(0, 0o750, '/run/iam-tokend/ipc.sock', false), 'untrusted');
  });

  it('is untrusted when others can write to it, even for an explicit socket', () => {
    assert.equal(check(true, stats('folder', 0, 0o1777), ownUid), 'untrusted');
    assert.equal(check(true, stats('folder', 0, 0o770), 990), 'untrusted');
    assert.equal(check(true, stats('folder', ownUid, 0o720), ownUid), 'untrusted');
    assert.equal(check(true, stats('folder', otherUid, 0o757), otherUid), 'untrusted');
  });

  it("has a hint to close it only if it is the socket's own folder", () => {
    const hint = (path: string, uid = 0): string | null => {
      const input = { socketPath: path, isExplicit: true, uid, lstat: () => stats('folder', 0, 0o1777) };
      const result = checkSocketFolder(input);
      return result.kind === 'untrusted' ? result.hint : null;
    };
    assert.equal(hint('/tmp/iam-tokend-0/ipc.sock'), "chmod 700 '/tmp/iam-tokend-0'");
    assert.match(
      hint('/tmp/my.sock') ?? '',
      /^give the socket its own folder, for client and daemon: --socket '\/tmp\/iam-tokend\/ipc\.sock'/,
    );
    assert.equal(hint('/tmp/my.sock', ownUid), hint('/tmp/my.sock'));
    assert.match(hint('my.sock') ?? '', /--socket 'iam-tokend\/ipc\.sock'/);
  });

  it("is untrusted when it belongs neither to root nor to the socket's owner, even for an explicit socket", () => {
    assert.equal(check(true, stats('folder', otherUid, 0o755), ownUid), 'untrusted');
    assert.equal(check(true, stats('folder', otherUid, 0o700), undefined), 'untrusted');
  });

  it('is untrusted when it cannot be read', () => {
    const result = checkSocketFolder({
      socketPath,
      isExplicit: true,
      uid: ownUid,
      lstat: () => {
        throw new Error('EACCES: permission denied');
      },
    });
    assert.equal(result.kind, 'untrusted');
    assert.match(result.kind === 'untrusted' ? result.message : '', /EACCES/);
  });

  it('is always private on Windows, where a pipe has no folder', () => {
    const pipe = String.raw`\\.\pipe\iam-tokend-ada`;
    assert.equal(checkSocketFolder({ socketPath: pipe, isExplicit: true, uid: null, lstat }).kind, 'private');
  });

  it('has the same result on a real file system', () => {
    const uid = process.getuid?.() ?? null;
    const root = mkdtempSync(join(tmpdir(), 'iam-tokend-'));
    const kind = (name: string): string =>
      checkSocketFolder({ socketPath: join(root, name, 'ipc.sock'), isExplicit: false, uid, lstat }).kind;
    try {
      mkdirSync(join(root, 'closed'), { mode: 0o700 });
      mkdirSync(join(root, 'open'));
      chmodSync(join(root, 'open'), 0o750);
      symlinkSync(join(root, 'closed'), join(root, 'link'));
      writeFileSync(join(root, 'file'), '');
      assert.deepEqual(['closed', 'open', 'link', 'file', 'nothing'].map(kind), [
        'private',
        'untrusted',
        'untrusted',
        'untrusted',
        'missing',
      ]);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
