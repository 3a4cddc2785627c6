/** What `install` puts into ~/.local/bin: the link to the native client, and the shims. */
import { isShim } from '../../../platform/process-context.ts';
import { requirePlainText } from '../../../service/service-definition.ts';
import { quotePosixWord } from '../../../shared/shell-quoting.ts';
import { usageError } from '../../cli-errors.ts';
import type { CommandContext } from '../../command.ts';
import { escapeControlCharacters } from '../../terminal/escape.ts';
import { print, printNote } from '../../terminal/terminal.ts';
import { createNativeLink, findNativeLink, type NativeLink, nativeTarget } from './native-link.ts';
import { createShims, type Shim, warnIfShadowed, writeShim } from './shims.ts';

export interface ClientFiles {
  readonly link: NativeLink | null;
  readonly shims: readonly Shim[];
}

export const noClientFiles: ClientFiles = { link: null, shims: [] };

/**
 * The `yc` shim is opt-in; once installed, it is updated too.
 * @param node path of the Node that the shims run
 */
export function selectClientFiles({ options, processContext }: CommandContext, node: string): ClientFiles {
  requirePlainText([node, __dirname]);
  const shims = createShims(processContext, node).filter(
    ({ name, path }) => name !== 'yc' || options.has('yc') || isShim(path),
  );
  return { link: findNativeLink(processContext), shims };
}

export async function writeClientFiles(
  { link, shims }: ClientFiles,
  { options, processContext }: CommandContext,
): Promise<void> {
  for (const shim of shims)
    await writeShim(shim, options.has('client-only') ? ' --client-only' : '', processContext);
  if (link !== null) await createNativeLink(link, processContext);
  if (options.has('yc')) warnIfShadowed('yc', processContext);
}

/** For a dry run. */
export function printFiles(files: readonly { readonly path: string; readonly text: string }[]): void {
  for (const { path, text } of files)
    print(`# write ${escapeControlCharacters(path)}\n${text.replace(/^\ufeff/, '')}`);
}

/** For a dry run. */
export function printClientFiles({ link, shims }: ClientFiles): void {
  printFiles(shims);
  if (link === null) return;
  const words = [link.target, link.path].map((path) => escapeControlCharacters(quotePosixWord(path)));
  print(`ln -sf ${words.join(' ')}`);
}

/** `install --client-only`: for machines without a service manager. */
export async function installClient(context: CommandContext): Promise<void> {
  const { options, processContext } = context;
  if (options.has('system'))
    throw usageError('--client-only cannot be combined with --system', 'iam-token install --client-only');
  if (options.has('socket'))
    throw usageError('--client-only cannot be combined with --socket', 'iam-token install --client-only');
  if (processContext.platform === 'win32')
    throw usageError('on Windows, npm install has already put the client in PATH', 'iam-token install');
  const files = selectClientFiles(context, process.execPath);
  if (options.has('dry-run')) return printClientFiles(files);
  await writeClientFiles(files, context);
  const paths = [files.link, ...files.shims].flatMap((file) => (file === null ? [] : [file.path]));
  print(`installed, without a service: ${paths.join(', ')}`);
  if (files.link === null)
    printNote(`this package has no native client for ${nativeTarget(processContext.platform)}`);
}
