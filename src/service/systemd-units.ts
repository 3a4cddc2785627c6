import { posix } from 'node:path';
import { systemPaths } from '../platform/paths.ts';
import { requirePlainText, type ServiceDefinition, type SystemCommand } from './service-definition.ts';

const serviceUnit = 'iam-tokend.service';
const socketUnit = 'iam-tokend.socket';
/** Of system mode; an administrator enables it. */
const credentialSocketUnit = 'iam-tokend-credential.socket';
const sysusersFile = 'iam-tokend.conf';

/**
 * The units of a user manager.
 * @param configHome the folder that holds `systemd/user`
 * @param runtimeFolder of the manager
 */
export function defineSystemdUnits(
  configHome: string,
  uid: number | null,
  runtimeFolder: string,
): ServiceDefinition {
  return {
    manager: 'systemd',
    unit: serviceUnit,
    files: [serviceUnit, socketUnit].map((name) => ({
      templatePath: `systemd/${name}`,
      path: posix.join(configHome, 'systemd/user', name),
      packagedPath: `/usr/lib/systemd/user/${name}`,
    })),
    enablementLinks: [`default.target.wants/${serviceUnit}`, `sockets.target.wants/${socketUnit}`].map(
      (link) => posix.join(configHome, 'systemd/user', link),
    ),
    fillTemplate: fillUnitTemplate,
    ...createSystemctlCommands('--user', posix.join(runtimeFolder, 'iam-tokend/ipc.sock')),
    lingering: {
      queryCommand: {
        argv: ['loginctl', 'show-user', String(uid), '--property=Linger', '--value'],
        mayFail: true,
      },
      enableCommand: { argv: ['loginctl', 'enable-linger'] },
      disableCommand: 'loginctl disable-linger',
    },
    startTrigger: 'at login',
    logCommand: `journalctl --user --unit ${serviceUnit} --lines 20`,
  };
}

/** The units of system mode: the daemon runs as its own user and serves the members of its group. */
export function defineSystemdSystemUnits(): ServiceDefinition {
  const { configFile, state, log } = systemPaths;
  const configFolder = posix.dirname(configFile);
  const keyFile = `${configFolder}/store.key`;
  const { startCommands, ...otherCommands } = createSystemctlCommands('--system', systemPaths.socket, [
    credentialSocketUnit,
  ]);
  return {
    manager: 'systemd',
    unit: serviceUnit,
    files: [
      ...[serviceUnit, socketUnit, credentialSocketUnit].map((name) => ({
        templatePath: `systemd/system/${name}`,
        path: `/etc/systemd/system/${name}`,
        packagedPath: `/usr/lib/systemd/system/${name}`,
      })),
      {
        templatePath: 'systemd/system/sysusers.conf',
        path: `/etc/sysusers.d/${sysusersFile}`,
        packagedPath: `/usr/lib/sysusers.d/${sysusersFile}`,
      },
      { templatePath: 'systemd/system/config.yaml', path: configFile, preserveExisting: true },
    ],
    enablementLinks: [
      `/etc/systemd/system/multi-user.target.wants/${serviceUnit}`,
      `/etc/systemd/system/sockets.target.wants/${socketUnit}`,
    ],
    fillTemplate: (text, argv) => fillUnitTemplate(text, [...argv, '--config', configFile]),
    startCommands: [
      // By its name, systemd finds it in /etc/sysusers.d or in /usr/lib/sysusers.d.
      { argv: ['systemd-sysusers', sysusersFile] },
      { argv: ['install', '--directory', '--group=iam-tokend', '--mode=0750', configFolder] },
      // The proxy URL may hold a password, which members of the group must not read.
      { argv: ['chown', 'iam-tokend:root', configFile] },
      { argv: ['chmod', '0600', configFile] },
      // A full disk must not leave a part of a key, which the next installation would keep.
      {
        argv: [
          'sh',
          '-c',
          `umask 077 && [ -e ${keyFile} ] || { head --bytes=32 /dev/urandom >${keyFile}.new && mv ${keyFile}.new ${keyFile}; }`,
        ],
      },
      ...startCommands,
    ],
    ...otherCommands,
    purgeCommands: [
      // rm does not follow links that the daemon's user may create during the removal; Node would.
      { argv: ['rm', '--recursive', '--force', configFolder, state, log] },
      { argv: ['userdel', 'iam-tokend'], mayFail: true },
      // The group is kept while it has members.
      { argv: ['groupdel', 'iam-tokend'], mayFail: true },
    ],
    startTrigger: 'at boot',
    logCommand: `journalctl --unit ${serviceUnit} --lines 20`,
  };
}

function createSystemctlCommands(
  manager: '--user' | '--system',
  socketPath: string,
  optionalUnits: readonly string[] = [],
): Pick<
  ServiceDefinition,
  'startCommands' | 'socket' | 'stopCommands' | 'disableCommands' | 'cleanupCommands'
> {
  const systemctl = (...args: readonly string[]): SystemCommand => ({
    argv: ['systemctl', manager, ...args],
  });
  return {
    startCommands: [
      systemctl('daemon-reload'),
      // Otherwise the start limit could refuse the start.
      systemctl('reset-failed', 'iam-tokend.*'),
      systemctl('enable', socketUnit, serviceUnit),
      // The socket stays open, and clients wait on it.
      systemctl('restart', serviceUnit),
    ],
    socket: { path: socketPath, restartCommand: systemctl('restart', socketUnit, serviceUnit) },
    stopCommands: [systemctl('stop', socketUnit, ...optionalUnits, serviceUnit)],
    disableCommands: [
      { ...systemctl('stop', socketUnit, ...optionalUnits, serviceUnit), mayFail: true },
      { ...systemctl('disable', socketUnit, ...optionalUnits, serviceUnit), mayFail: true },
    ],
    cleanupCommands: [systemctl('daemon-reload'), systemctl('reset-failed', 'iam-tokend.*')],
  };
}

/** The unit with `argv` as ExecStart; unchanged if it has none. */
function fillUnitTemplate(unit: string, argv: readonly [string, ...string[]]): string {
  requirePlainText(argv);
  const [program, ...args] = argv;
  // systemd.service(5): `$` begins a variable in arguments, but not in the program's path.
  const quotedArguments = [
    quoteArgument(program),
    ...args.map((arg) => quoteArgument(arg).replaceAll('$', '$$$$')),
  ];
  const paths = [program, ...args.filter((argument) => argument.endsWith('.js'))];
  return unit
    .replace(/^ExecStart=.*$/m, () => `ExecStart=${quotedArguments.join(' ')}`)
    .replace(/^ExecCondition=.*$/m, () => createCondition(paths));
}

/**
 * The package or its Node may be removed before `iam-token uninstall`: then the unit stops with an explanation, instead of
 * restarting a program that does not exist.
 */
function createCondition(paths: readonly string[]): string {
  const script =
    'for file; do [ -e "$file" ] || { echo "cannot start: $file was removed; install iam-tokend again, or disable iam-tokend.socket and iam-tokend.service" >&2; exit 1; }; done';
  const words = [script, 'sh', ...paths].map((word) => quoteArgument(word).replaceAll('$', '$$$$'));
  return `ExecCondition=/bin/sh -c ${words.join(' ')}`;
}

/** systemd.syntax(7), systemd.unit(5): within quotes `\` begins an escape and `%` a specifier. */
function quoteArgument(argument: string): string {
  return `"${argument.replaceAll(/["\\]/g, String.raw`\$&`).replaceAll('%', '%%')}"`;
}
