import { existsSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { readKeyFileSetting } from '../../../config/single-settings.ts';
import { findRecordedSockets, removeAbandonedSocket } from '../../../files/sockets/abandoned-socket.ts';
import { IamTokenError } from '../../../shared/errors.ts';
import { closedInspectorOption } from '../../../platform/inspector-option.ts';
import { socketCandidates, systemPaths, userFolders } from '../../../platform/paths.ts';
import { hasServiceManager, isSystemdRunning } from '../../../platform/service-manager.ts';
import { isShim } from '../../../platform/process-context.ts';
import type { ServiceDefinition, SystemCommand } from '../../../service/service-definition.ts';
import { quotePosixWord } from '../../../shared/shell-quoting.ts';
import { SilentExit } from '../../cli-errors.ts';
import type { CommandContext, CommandDefinition } from '../../command.ts';
import { flag, keychainTimeoutMs } from '../../parsing/options.ts';
import { canPrompt, promptYesNo } from '../../terminal/prompt.ts';
import { removeNativeLink } from './native-link.ts';
import { isPresent } from './service-files.ts';
import { createShims } from './shims.ts';
import { printNote, print, printWarning, withProgress } from '../../terminal/terminal.ts';
import {
  defineSystemService,
  defineUserService,
  runAll,
  runOne,
  stopUnmanagedDaemon,
} from '../../current-service.ts';

export const uninstall: CommandDefinition = {
  name: 'uninstall',
  summary: 'remove the service',
  description:
    'Credentials and configuration are kept unless --purge is given. On a terminal, --purge asks for confirmation first.',
  options: {
    purge: flag('also delete all credentials and the configuration'),
    yes: flag('with --purge: do not ask for confirmation'),
    system: flag('as root: remove the daemon of the whole system'),
  },
  examples: ['iam-token uninstall', 'iam-token uninstall --purge'],
  timeoutMs: keychainTimeoutMs,
  run: runUninstall,
};

async function runUninstall(context: CommandContext): Promise<void> {
  const { options, processContext } = context;
  await confirmPurge(options);
  const isSystemdSystem = isSystemdRunning(processContext);
  // Root has no user service, except for a daemon that it started by hand.
  const isSystemWide = options.has('system') || (processContext.uid === 0 && isSystemdSystem);
  const hasManager = isSystemWide ? isSystemdSystem : hasServiceManager(processContext);
  const isPurging = options.has('purge');
  const service = isSystemWide ? defineSystemService(processContext) : defineUserService(processContext);
  const storeKind = await stopDaemonStartedByHand(context, service.unit, isSystemWide, hasManager);
  const paths = service.files
    .filter(({ preserveExisting }) => preserveExisting !== true)
    .map(({ path }) => path);
  const links = service.enablementLinks ?? [];
  // The units of a Debian package stay; then only the links show that the service is installed.
  if ([...paths, ...links].some(isPresent)) {
    if (hasManager) await withProgress('the daemon to stop', runAll(service.disableCommands, context));
    // Without its manager, the links stay that it created.
    for (const path of [...paths, ...links]) rmSync(path, { force: true });
    if (hasManager) await runAll(service.cleanupCommands, context);
  }
  const shimPaths = isSystemWide ? [] : createShims(processContext, process.execPath).map(({ path }) => path);
  for (const path of shimPaths) if (isShim(path)) rmSync(path);
  if (!isSystemWide) removeNativeLink(processContext);
  const sockets = usedSockets(context, isSystemWide);
  for (const socket of sockets) {
    const problems = await removeAbandonedSocket(socket, processContext.uid);
    for (const problem of problems) printWarning(`could not remove ${problem}`);
  }
  if (isPurging) {
    // Drop-ins that the user has added to a unit.
    for (const path of paths) rmSync(`${path}.d`, { recursive: true, force: true });
    if (service.purgeCommands === undefined) await purgeCredentials(context, storeKind);
    else await purgeSystem(service.purgeCommands, context);
  }
  if (!isSystemWide) {
    const { config, state, log } = userFolders(processContext);
    for (const path of [...paths, ...links, ...shimPaths, config, state, log])
      removeEmptyFolders(dirname(path), processContext.home());
  }
  const result = hasManager ? 'service removed' : 'no service manager is running, so no service was removed';
  if (isPurging) print(`${result}; credentials and configuration deleted`);
  else print(`${result}; credentials and configuration kept (--purge deletes them)`);
  if (hasManager) await printLingeringNote(service, context);
}

/** @throws SilentExit if the user does not confirm */
async function confirmPurge(options: CommandContext['options']): Promise<void> {
  if (!options.has('purge') || options.has('yes') || !canPrompt()) return;
  const question = 'delete all credentials and the configuration of iam-tokend? This cannot be undone';
  if (await promptYesNo(`iam-token: ${question}`, 'no')) return;
  printNote('nothing was removed');
  throw new SilentExit('interrupted');
}

/** @returns the kind of its store; `null` if there is no such daemon */
async function stopDaemonStartedByHand(
  context: CommandContext,
  unit: string,
  isSystemWide: boolean,
  hasManager: boolean,
): Promise<string | null> {
  if (!isSystemWide) return stopUnmanagedDaemon(context, unit);
  return hasManager ? null : stopUnmanagedDaemon({ ...context, socketPath: systemPaths.socket }, unit);
}

/** The default sockets, the one that the user named, and that of the last daemon. A pipe leaves nothing. */
function usedSockets(context: CommandContext, isSystemWide: boolean): readonly string[] {
  const { processContext, socketPath } = context;
  const { platform, uid, env } = processContext;
  if (isSystemWide) return [systemPaths.socket];
  if (platform === 'win32') return [];
  const namedPath = socketPath || env['IAM_TOKEND_SOCKET'];
  return [
    ...socketCandidates(processContext),
    ...(namedPath ? [resolve(namedPath)] : []),
    ...findRecordedSockets(userFolders(processContext), uid),
  ];
}

/**
 * The daemon's program opens all stores, and refuses while a daemon is running.
 * @param storeKind of the daemon that ran until now, which may have been an option on its command line
 */
async function purgeCredentials(context: CommandContext, storeKind: string | null): Promise<void> {
  const storeArgs = storeKind === null ? [] : ['--store', storeKind];
  const program = join(__dirname, 'iam-tokend.js');
  const argv = [process.execPath, closedInspectorOption, program, '--purge', ...storeArgs] as const;
  const { code, stderr } = await withProgress('the keychain', runOne({ argv }, context));
  const lines = stderr.split('\n').map((line) => line.replace(/^iam-tokend: /, ''));
  const linesWith = (label: string): readonly string[] =>
    lines.filter((line) => line.startsWith(label)).map((line) => line.slice(label.length));
  for (const warning of linesWith('warning: ')) printWarning(warning);
  if (code === 0) return;
  throw new IamTokenError({
    code: 'internal',
    message: linesWith('error: ')[0] ?? lines[0] ?? `iam-tokend --purge failed with exit code ${code}`,
    hint: linesWith('hint: ').join('\n') || 'iam-token uninstall --purge',
  });
}

/** Root names a key file in another folder, but deletes none at a path that the daemon's user chose. */
async function purgeSystem(commands: readonly SystemCommand[], context: CommandContext): Promise<void> {
  const keyFile = await readKeyFileSetting(systemPaths.configFile, context.processContext.platform);
  await runAll(commands, context);
  if (keyFile === null || keyFile === 'unreadable' || !existsSync(keyFile.path)) return;
  printWarning(`kept the key file ${keyFile.path}`, `rm ${quotePosixWord(keyFile.path)}`);
}

/** Removes empty folders from `start` upwards, but not `home`. */
function removeEmptyFolders(start: string, home: string): void {
  for (let folder = start; home !== '' && folder.startsWith(home + sep); folder = dirname(folder)) {
    try {
      rmdirSync(folder);
    } catch {
      return; // Not empty.
    }
  }
}

async function printLingeringNote({ lingering }: ServiceDefinition, context: CommandContext): Promise<void> {
  if (lingering === undefined || (await runOne(lingering.queryCommand, context)).stdout.trim() !== 'yes')
    return;
  printNote(
    'your services still keep running after you log out (lingering is enabled)',
    lingering.disableCommand,
  );
}
