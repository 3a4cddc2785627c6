import assert from 'node:assert/strict';

/** A broken rule: the file, what it does, and why it must not. */
export type Finding = string;

export function assertNoFindings(findings: readonly Finding[]): void {
  if (findings.length > 0) assert.fail([...new Set(findings)].join('\n'));
}
