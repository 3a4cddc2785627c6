// The native clients of all targets in dist/native, as scripts/build-native.mjs leaves them.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';

export const nativeSource = 'src/native/iam-token.c';
export const nativeSums = 'dist/native/SHA256SUMS';

export const hashOf = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Ignored by `sha256sum --check`. */
export const sourceLine = () => `# of ${nativeSource}, SHA-256 ${hashOf(nativeSource)}\n`;

/** Whether `dist/native` has the clients of all targets, of this source. */
export function hasAllNativeClients() {
  return existsSync(nativeSums) && readFileSync(nativeSums, 'utf8').startsWith(sourceLine());
}
