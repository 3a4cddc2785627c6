import { renameSync, writeFileSync } from 'node:fs';

/** Readers find the old text or the new one, and never a part. */
export function writeWhole(path: string, text: string, encoding: BufferEncoding = 'utf8'): void {
  const draft = `${path}.new`;
  writeFileSync(draft, text, encoding);
  renameSync(draft, path);
}
