// Refuses `npm publish` in a checkout: its package would have the native client of one system, and other hashes than the release.
import { readFileSync } from 'node:fs';
import process from 'node:process';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
process.stderr.write(`release: error: a checkout is not published; the tarball of a release is
release: hint: npm run release && npm publish dist/release/iam-tokend-${version}.tgz
`);
process.exitCode = 1;
