import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { CertificateFiles } from '../../src/config/certificate-files.ts';
import { readWithAccess } from '../../src/config/read-with-access.ts';
import { FileDeadline } from '../../src/files/file-deadline.ts';
import { createRealClock } from '../support/time/real-clock.ts';
import { foreignAuthority, ownAuthority } from '../support/network/example-authorities.ts';

const userUid = 61_235;
const deadline = new FileDeadline(createRealClock());
const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('the files of trusted certificates', () => {
  /** Below folders that only root can write to. */
  let folder: string;
  const path = (): string => join(folder, 'ca.pem');
  const anchorsOf = async (filePath: string, uid: number | null = userUid) =>
    (await new CertificateFiles(filePath, null, uid, deadline).read()).anchors;

  beforeEach(function () {
    if (process.getuid?.() !== 0) this.skip();
    folder = mkdtempSync('/usr/local/share/iam-tokend-test-');
    chmodSync(folder, 0o755);
    writeFileSync(path(), ownAuthority.certificate);
  });
  afterEach(() => {
    if (process.getuid?.() === 0) rmSync(folder, { recursive: true, force: true });
  });

  it('D5: are no anchors if only root can write to them, and are read again when they change', async () => {
    const files = new CertificateFiles(path(), null, userUid, deadline);
    assert.deepEqual(await files.read(), {
      certificates: [ownAuthority.certificate],
      anchors: [],
      warnings: [],
    });
    writeFileSync(path(), foreignAuthority.certificate);
    assert.deepEqual(await files.read(), {
      certificates: [foreignAuthority.certificate],
      anchors: [],
      warnings: [],
    });
    assert.deepEqual(await anchorsOf(path(), 0), []);
  });

  it('B7: are ignored with a warning if NODE_EXTRA_CA_CERTS cannot be read, and reject a caFile', async () => {
    rmSync(path());
    const warnings = [`${path()} cannot be read: no such file or folder; it is ignored`];
    const extraFiles = new CertificateFiles(null, path(), userUid, deadline);
    assert.deepEqual(await extraFiles.read(), { certificates: [], anchors: [], warnings });
    writeFileSync(path(), ownAuthority.certificate);
    assert.deepEqual((await extraFiles.read()).certificates, [ownAuthority.certificate]);
    rmSync(path());
    await assert.rejects(new CertificateFiles(path(), null, userUid, deadline).read(), {
      name: 'ConfigError',
      message: `network.caFile: ${path()} cannot be read: no such file or folder`,
    });
  });

  it('D5: count as writable on a FUSE file system, whose program names any owner', async () => {
    const device = execFileSync('stat', ['--format=%Hd:%Ld', folder], { encoding: 'utf8' }).trim();
    const mountinfoOf = (type: string): string =>
      `36 35 ${device} / / rw,relatime shared:1 - ${type} none rw\n`;
    const isRootOnly = async (type: string): Promise<boolean> =>
      (await readWithAccess(path(), userUid, undefined, mountinfoOf(type))).isRootOnly;
    assert.deepEqual(await Promise.all(['ext4', 'fuse.evil', 'fuse'].map(isRootOnly)), [true, false, false]);
  });

  const cases: readonly (readonly [string, () => string | void])[] = [
    ['belongs to another user', () => chownSync(path(), userUid, 0)],
    ['is writable by its group', () => chmodSync(path(), 0o664)],
    ['is writable by everyone', () => chmodSync(path(), 0o646)],
    ['is in a folder of another user', () => chownSync(folder, userUid, 0)],
    ['is in a folder that everyone can write to', () => chmodSync(folder, 0o777)],
    [
      'is reached through a folder of another user',
      () => {
        mkdirSync(join(folder, 'home/inner'), { recursive: true });
        chownSync(join(folder, 'home'), userUid, 0);
        writeFileSync(join(folder, 'home/inner/ca.pem'), ownAuthority.certificate);
        return join(folder, 'home/inner/ca.pem');
      },
    ],
    [
      'is reached through a link in a folder of another user',
      () => {
        mkdirSync(join(folder, 'home'));
        chownSync(join(folder, 'home'), userUid, 0);
        symlinkSync(path(), join(folder, 'home/link'));
        return join(folder, 'home/link');
      },
    ],
  ];
  for (const [what, arrange] of cases) {
    it(`D5: are anchors if the file ${what}`, async () => {
      const filePath = arrange() ?? path();
      assert.deepEqual(await anchorsOf(filePath), [
        { path: filePath, sha256: digestOf(ownAuthority.certificate) },
      ]);
    });
  }

  it('D5: are anchors in /proc, which leads to files without a place, and on Windows', async () => {
    assert.equal((await anchorsOf(`/proc/self/root${path()}`)).length, 1);
    assert.equal((await anchorsOf(path(), null)).length, 1);
  });

  it('D5: keep their content while the file is missing or holds no certificate', async () => {
    const files = new CertificateFiles(path(), null, userUid, deadline);
    await files.read();
    writeFileSync(path(), 'half a file');
    assert.deepEqual((await files.read()).certificates, [ownAuthority.certificate]);
    rmSync(path());
    assert.deepEqual((await files.read()).certificates, [ownAuthority.certificate]);
  });

  it('B7: name the invalid certificate of a changed file once, and keep their content', async () => {
    const files = new CertificateFiles(path(), null, userUid, deadline);
    await files.read();
    const invalid = foreignAuthority.certificate.replace(/\nMI.*/, '\n!');
    writeFileSync(path(), `${ownAuthority.certificate}${invalid}${foreignAuthority.certificate}`);
    const firstReading = await files.read();
    assert.deepEqual(firstReading.certificates, [ownAuthority.certificate]);
    assert.deepEqual(firstReading.warnings, [
      `${path()} line 12: not a valid certificate (bad base64 decode); its previous content stays in use`,
    ]);
    assert.deepEqual((await files.read()).warnings, []);
    rmSync(path());
    assert.deepEqual((await files.read()).warnings, [
      `${path()} cannot be read: no such file or folder; its previous content stays in use`,
    ]);
    writeFileSync(path(), foreignAuthority.certificate);
    const { certificates, warnings } = await files.read();
    assert.deepEqual([certificates, warnings], [[foreignAuthority.certificate], []]);
    const otherPath = join(folder, 'moved.pem');
    for (let times = 0; times < 2; times += 1) {
      renameSync(path(), otherPath);
      assert.equal((await files.read()).warnings.length, 1);
      renameSync(otherPath, path());
      assert.deepEqual((await files.read()).warnings, []);
    }
  });

  it('B7: are parsed again only when one of them changes', async () => {
    const files = new CertificateFiles(path(), null, userUid, deadline);
    const { certificates } = await files.read();
    assert.equal((await files.read()).certificates, certificates);
    writeFileSync(path(), `${ownAuthority.certificate}${foreignAuthority.certificate}`);
    assert.deepEqual((await files.read()).certificates, [
      ownAuthority.certificate,
      foreignAuthority.certificate,
    ]);
  });
});
