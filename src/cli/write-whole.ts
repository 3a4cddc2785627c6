import { renameSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Readers find the old text or the new one, and never a part.
 * @param mode of the file, less the umask, whatever the old one's was
 */
export function writeWhole(
  path: string,
  text: string,
  mode: number,
  encoding: BufferEncoding = 'utf8',
): void {
  const draft = `${path}.new`;
  // One that is left of a killed run has a mode of its own.
  rmSync(draft, { force: true });
  writeFileSync(draft, text, { encoding, mode, flag: 'wx' });
  renameSync(draft, path);
}
