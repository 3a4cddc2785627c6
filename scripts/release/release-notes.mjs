// The notes of a release: its section of CHANGELOG.md.
import { readFileSync } from 'node:fs';

/** @throws Error if CHANGELOG.md has no section for the version, or its release has no date */
export function cutReleaseNotes(version, path = 'CHANGELOG.md') {
  const sections = readFileSync(path, 'utf8').split(/^(?=## )/m);
  const section = sections.find((text) => text.startsWith(`## [${version}]`));
  const [heading = '', ...lines] = section?.split('\n') ?? [];
  const date = /^## \[.*\] - (\d{4}-\d{2}-\d{2})$/.exec(heading)?.[1];
  if (date === undefined) throw new Error(`${path} has no heading "## [${version}] - YYYY-MM-DD"`);
  return `# iam-tokend ${version}\n\nReleased on ${date}. To verify the files: \`sha256sum --check SHA256SUMS\`\n\n${lines.join('\n').trim()}\n`;
}
