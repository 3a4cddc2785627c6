/** The files of a service that `install` writes: those that a Debian package has not installed already. */
import { lstatSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemFiles } from '../../../files/file-system.ts';
import { createFolder, folderOf } from '../../../files/folders.ts';
import { writeFileAtomically } from '../../../files/write-file.ts';
import type { ProcessContext } from '../../../platform/paths.ts';
import type { ServiceDefinition, ServiceFile } from '../../../service/service-definition.ts';
import { quotePosixWord } from '../../../shared/shell-quoting.ts';
import { escapeControlCharacters } from '../../terminal/escape.ts';
import { print } from '../../terminal/terminal.ts';
import { printFiles } from './client-files.ts';

export interface ServiceFiles {
  readonly written: readonly (ServiceFile & { readonly text: string })[];
  /** Of an earlier installation: they would override the same files of a Debian package. */
  readonly removedPaths: readonly string[];
}

/**
 * @param argv the command of the daemon
 * @throws IamTokenError `bad_request` for a path that a file cannot hold
 */
export function selectServiceFiles(
  service: Pick<ServiceDefinition, 'files' | 'fillTemplate'>,
  argv: readonly [string, ...string[]],
): ServiceFiles {
  const files = service.files
    .filter(({ path, preserveExisting }) => preserveExisting !== true || !isPresent(path))
    .map((file) => {
      const { templatePath } = file;
      const template =
        templatePath === undefined ? '' : readFileSync(join(__dirname, '../..', templatePath), 'utf8');
      return { ...file, text: service.fillTemplate(template, argv) };
    });
  const isPackaged = ({ packagedPath, text }: (typeof files)[number]): boolean =>
    packagedPath !== undefined && readText(packagedPath) === text;
  // A package's units belong together: one of another installation must not override one of them.
  const isEachPackaged = files.every((file) => file.packagedPath === undefined || isPackaged(file));
  const packaged = isEachPackaged ? files.filter(({ packagedPath }) => packagedPath !== undefined) : [];
  return {
    written: files.filter((file) => !packaged.includes(file)),
    removedPaths: packaged.map(({ path }) => path).filter(isPresent),
  };
}

/** @param isSystemWide whether other users read the folders */
export async function writeServiceFiles(
  { written, removedPaths }: ServiceFiles,
  { uid }: Pick<ProcessContext, 'uid'>,
  isSystemWide: boolean,
): Promise<void> {
  const fsContext = systemFiles(uid);
  for (const { path, text, encoding, preserveExisting } of written) {
    const file = { path, name: 'the service file' };
    const mode = preserveExisting === true ? 0o600 : 0o644;
    await createFolder(folderOf(file), fsContext, isSystemWide ? 0o755 : 0o700);
    await writeFileAtomically(file, { bytes: Buffer.from(text, encoding), mode }, fsContext);
  }
  for (const path of removedPaths) rmSync(path);
}

/** For a dry run. */
export function printServiceFiles({ written, removedPaths }: ServiceFiles): void {
  printFiles(written);
  for (const path of removedPaths) print(`rm ${escapeControlCharacters(quotePosixWord(path))}`);
}

/** Whether there is a file, or a link that leads nowhere. */
export function isPresent(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null; // Not packaged.
  }
}
