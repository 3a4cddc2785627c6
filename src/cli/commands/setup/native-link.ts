/** The link in ~/.local/bin to the native client, which starts in a millisecond. Windows has none. */
import { lstatSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemFiles } from '../../../files/file-system.ts';
import { createFolder, folderOf } from '../../../files/folders.ts';
import { replaceLink } from '../../../files/replace-link.ts';
import { type ProcessContext, requireHomeFolder } from '../../../platform/paths.ts';
import { isExecutable } from '../../../platform/process-context.ts';
import { programCandidates } from '../../../platform/program-candidates.ts';
import { quotePosixWord } from '../../../shared/shell-quoting.ts';
import { addToPathCommand } from '../../add-to-path.ts';
import { printNote, printWarning } from '../../terminal/terminal.ts';

export interface NativeLink {
  readonly path: string;
  /** The native client of this package. */
  readonly target: string;
}

/** What a native client is built for, as in the names of its folders. */
export function nativeTarget(platform: NodeJS.Platform): string {
  return `${platform}-${process.arch}`;
}

/** Of every package and every release, so that another one finds it too. */
const targetPattern = /\/dist\/native\/[\w-]+\/iam-token$/;

export function isNativeClientPath(path: string): boolean {
  return targetPattern.test(path);
}

/** @throws IamTokenError `bad_request` if the home folder is unknown */
export function nativeLinkPath(processContext: Pick<ProcessContext, 'home' | 'platform'>): string {
  return join(requireHomeFolder(processContext), '.local/bin/iam-token');
}

/** @returns `null` without a native client for this machine, and on Windows */
export function findNativeLink(processContext: ProcessContext): NativeLink | null {
  const { platform } = processContext;
  const target = join(__dirname, '../native', nativeTarget(platform), 'iam-token');
  if (platform === 'win32' || !isExecutable(target)) return null;
  return { path: nativeLinkPath(processContext), target };
}

/** Whether `path` is a link that `iam-token install` created. */
export function isNativeLink(path: string): boolean {
  return (
    lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true &&
    isNativeClientPath(readlinkSync(path))
  );
}

/** Does not overwrite another program. */
export async function createNativeLink(
  { path, target }: NativeLink,
  processContext: ProcessContext,
): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined && !isNativeLink(path)) {
    printWarning(
      `${path} belongs to another program and was left unchanged, so iam-token starts Node at each call`,
      `ln -sf ${quotePosixWord(target)} ${quotePosixWord(path)}`,
    );
    return;
  }
  const file = { path, name: 'the link to the native client' };
  await createFolder(folderOf(file), systemFiles(processContext.uid), 0o755);
  replaceLink(path, target);
  const firstMatch = findClientOnPath(processContext);
  if (firstMatch === path) return;
  printNote(
    firstMatch === undefined
      ? `the native client is in ~/.local/bin, which is not in your PATH`
      : `the native client is in ~/.local/bin, but ${firstMatch} comes first in your PATH`,
    addToPathCommand(processContext.env),
  );
}

export function removeNativeLink(processContext: ProcessContext): void {
  const path = nativeLinkPath(processContext);
  if (isNativeLink(path)) rmSync(path);
}

/** The `iam-token` that a shell would run. */
export function findClientOnPath(processContext: ProcessContext): string | undefined {
  return programCandidates('iam-token', processContext).find(isExecutable);
}
