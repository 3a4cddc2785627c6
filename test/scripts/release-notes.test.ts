import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '../../src/shared/version.ts';
import { root } from '../conventions/source-tree.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');

function cutReleaseNotes(
  release: string,
  path: string,
): { readonly stdout: string; readonly stderr: string } {
  const script = `import { cutReleaseNotes } from './scripts/release/release-notes.mjs';
    process.stdout.write(cutReleaseNotes(${JSON.stringify(release)}, ${JSON.stringify(path)}));`;
  return spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: root,
    encoding: 'utf8',
  });
}

describe('CHANGELOG.md', () => {
  it('7: has the form of keepachangelog.com, with this release and its date', () => {
    const releases = [...changelog.matchAll(/^## (.*)$/gm)].map(([, heading = '']) => heading);
    if (releases[0] === '[Unreleased]') releases.shift();
    for (const heading of releases) assert.match(heading, /^\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}$/);
    assert.ok(releases[0]?.startsWith(`[${version}]`), releases[0]);
    const kinds = [...changelog.matchAll(/^### (.*)$/gm)].map(([, kind = '']) => kind);
    const allowed = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'];
    assert.deepEqual(
      kinds.filter((kind) => !allowed.includes(kind)),
      [],
    );
  });
});

describe('the release notes', () => {
  const folder = useTemporaryFolder();

  it('5: are the section of the release, and nothing of another', () => {
    const path = join(folder(), 'CHANGELOG.md');
    writeFileSync(
      path,
      '# Changelog\n\n## [Unreleased]\n\n- c\n\n## [1.1.0] - 2026-02-03\n\n### Added\n\n- b\n\n## [1.0.0] - 2026-01-02\n\n- a\n',
    );
    const { stdout, stderr } = cutReleaseNotes('1.1.0', path);
    assert.equal(
      stdout,
      '# iam-tokend 1.1.0\n\nReleased on 2026-02-03. To verify the files: `sha256sum --check SHA256SUMS`\n\n### Added\n\n- b\n',
      stderr,
    );
  });

  it('5: require a dated section', () => {
    const path = join(folder(), 'CHANGELOG.md');
    writeFileSync(path, '## [1.1.0]\n\n- b\n');
    for (const release of ['1.1.0', '1.2.0']) {
      const { stderr } = cutReleaseNotes(release, path);
      assert.ok(stderr.includes(`has no heading "## [${release}] - YYYY-MM-DD"`), stderr);
    }
  });
});
