import { renameSync, writeFileSync } from 'node:fs';

/** Readers find the old text or the new one, and never a part. */
export function writeWhole(path: string, text: string): void {
  const draft = `${path}.new`;
  writeFileSync(draft, text);
  renameSync(draft, path);
}
