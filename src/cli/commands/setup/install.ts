import { lstatSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDaemonRunning, readDaemonRecord } from '../../../files/daemon-record.ts';
import { isSocket, isStaleSocket } from '../../../files/sockets/probe-socket.ts';
import { moveAside } from '../../../files/write-file.ts';
import { systemPaths } from '../../../platform/paths.ts';
import { isExecutable } from '../../../platform/process-context.ts';
import {
  daemonCommand,
  findServiceNode,
  isVersionManagerPath,
  packagedNodePath,
} from '../../../service/service-node.ts';
import type { ServiceDefinition } from '../../../service/service-definition.ts';
import { promptYesNo, canPrompt } from '../../terminal/prompt.ts';
import type { CommandContext, CommandDefinition } from '../../command.ts';
import { flag, keychainTimeoutMs } from '../../parsing/options.ts';
import { usageError } from '../../cli-errors.ts';
import { requireServiceSocket } from './require-service-socket.ts';
import { saveProxySettings } from './save-proxy-settings.ts';
import { printServiceFiles, selectServiceFiles, writeServiceFiles } from './service-files.ts';
import {
  installClient,
  noClientFiles,
  printClientFiles,
  selectClientFiles,
  writeClientFiles,
} from './client-files.ts';
import { nativeTarget } from './native-link.ts';
import { printNote, print, printWarning, withProgress } from '../../terminal/terminal.ts';
import {
  findSystemService,
  findUserService,
  runAll,
  runOne,
  stopUnmanagedDaemon,
} from '../../current-service.ts';

export const install: CommandDefinition = {
  name: 'install',
  summary: 'install and start the daemon as a service',
  description: 'Run it again after an upgrade: no request is dropped.',
  options: {
    yc: flag('also put a `yc` into ~/.local/bin that runs `iam-token yc`'),
    'client-only': flag('only put the client and the docker helper into ~/.local/bin, without a service'),
    'dry-run': flag('print the files and commands without applying them'),
    system: flag(
      'as root: install one daemon for the whole system; members of the group iam-tokend may request tokens',
    ),
  },
  examples: ['iam-token install', 'iam-token install --dry-run'],
  timeoutMs: keychainTimeoutMs,
  run: runInstall,
};

async function runInstall(context: CommandContext): Promise<void> {
  if (context.options.has('client-only')) return installClient(context);
  const isSystemWide = context.options.has('system');
  if (isSystemWide && context.options.has('yc')) {
    throw usageError(
      '--yc cannot be combined with --system: it is for one user',
      'for your own user, without sudo: iam-token install --yc',
    );
  }
  const service = isSystemWide
    ? findSystemService(context.processContext)
    : findUserService(context.processContext);
  requireServiceSocket(service, context.socketPath, context.processContext);
  const argv = await resolveDaemonArgv(context);
  if (isSystemWide) rejectHomeFolders(argv, context);
  const files = selectServiceFiles(service, argv);
  const client = isSystemWide ? noClientFiles : selectClientFiles(context, argv[0]);
  if (context.options.has('dry-run')) {
    printServiceFiles(files);
    printClientFiles(client);
    for (const { argv: words } of service.startCommands) print(words.join(' '));
    return;
  }
  const { checkConfiguration } = await import('../../doctor/run-doctor.ts');
  const invalidConfig = await checkConfiguration(context, isSystemWide);
  if (invalidConfig !== null)
    throw usageError(
      invalidConfig.violations.join('; '),
      `correct ${invalidConfig.path}, then run: iam-token install${isSystemWide ? ' --system' : ''}`,
    );
  if (!isSystemWide) {
    await saveProxySettings(context.processContext);
    await offerLingering(service, context);
    await stopUnmanagedDaemon(context, service.unit);
  }
  await writeServiceFiles(files, context.processContext, isSystemWide);
  await writeClientFiles(client, context);
  await withProgress('the daemon to start', startService(service, context));
  print(`iam-tokend is running as ${service.unit} (${service.manager}) and starts ${service.startTrigger}`);
  if (isSystemWide) printSystemNextSteps();
}

/** Also restarts a socket whose path does not lead to it, because no client would find it. */
async function startService(service: ServiceDefinition, context: CommandContext): Promise<void> {
  const { startCommands, socket, logCommand } = service;
  await runAll(startCommands, context, logCommand);
  if (socket === undefined || (await isBoundByManager(socket.path))) return;
  moveFileAside(dirname(socket.path), context.processContext.uid);
  await runAll([socket.restartCommand], context, logCommand);
}

/**
 * A daemon that listens at the path itself, because that of the service manager was removed, holds its lock. A
 * socket that was covered by a mount while the service manager bound another has no listener.
 */
async function isBoundByManager(path: string): Promise<boolean> {
  if (!isSocket(path) || (await isStaleSocket(path))) return false;
  const holder = readDaemonRecord(`${path}.lock`);
  return holder === null || isDaemonRunning(holder) !== true;
}

/** A file in place of the socket's folder would prevent the service manager from creating it. */
function moveFileAside(path: string, uid: number | null): void {
  const file = findFile(path);
  if (file?.isFile() === true && file.uid === uid) printNote(`moved ${path} to ${moveAside(path)}`);
}

/** `null` if it does not exist, or a part of the path is not a folder. */
function findFile(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch {
    return null;
  }
}

async function resolveDaemonArgv(context: CommandContext): Promise<readonly [string, ...string[]]> {
  const systemOption = context.options.has('system') ? ' --system' : '';
  const readVersion = async (program: string): Promise<string | null> => {
    const { code, stdout } = await runOne({ argv: [program, '--version'] }, context);
    return code === 0 ? stdout : null;
  };
  const node = await findServiceNode(
    context.processContext.platform,
    { current: process.execPath, packaged: findPackagedNode(context) },
    readVersion,
  );
  const program = join(__dirname, 'iam-tokend.js');
  for (const path of [node, program].filter(isVersionManagerPath)) {
    printWarning(
      `${path} is managed by a Node version manager; if it is removed, the daemon cannot start`,
      `if you remove this version of Node, run: iam-token install${systemOption}`,
    );
  }
  return daemonCommand(node, program);
}

/** The Node of a self-contained package; `null` in the package of npm. */
function findPackagedNode({ processContext: { platform } }: CommandContext): string | null {
  const path = packagedNodePath(join(__dirname, '../native', nativeTarget(platform)), platform);
  return isExecutable(path) ? path : null;
}

/** The system service cannot read them (`ProtectHome=`). */
function rejectHomeFolders(paths: readonly string[], context: CommandContext): void {
  const homePath = paths.find((path) => /^\/(?:home|root)\//.test(path));
  if (homePath === undefined) return;
  throw usageError(
    `${homePath} is in a home folder, which the system service cannot read`,
    findPackagedNode(context) === null
      ? "with the system's Node: npm install --global iam-tokend"
      : 'unpack iam-tokend below /opt',
  );
}

function printSystemNextSteps(): void {
  const { socket } = systemPaths;
  printNote('next, store a credential', `iam-token login --socket ${socket} --service-account-key FILE`);
  printNote(
    `members of the group iam-tokend get tokens with IAM_TOKEND_SOCKET=${socket}`,
    'usermod --append --groups iam-tokend NAME',
  );
}

async function offerLingering(service: ServiceDefinition, context: CommandContext): Promise<void> {
  if (service.lingering === undefined || !canPrompt()) return;
  const { queryCommand, enableCommand } = service.lingering;
  if ((await runOne(queryCommand, context)).stdout.trim() !== 'no') return;
  const question = 'keep the daemon running after you log out (the keychain stays locked until you log in)?';
  if (await promptYesNo(`iam-token: ${question}`, 'no')) await runAll([enableCommand], context);
}
