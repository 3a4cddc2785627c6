import { posix } from 'node:path';
import { systemPlaces } from '../platform/places.ts';
import type { ProgramCall, Service } from './service.ts';

const service = 'iam-tokend.service';
const socket = 'iam-tokend.socket';
const sysusers = '/etc/sysusers.d/iam-tokend.conf';

/**
 * For one person.
 * @param configHome where `systemd/user` with a person's own units lies
 */
export function systemdUnits(configHome: string, uid: number | null): Service {
  return {
    manager: 'systemd',
    unit: service,
    files: [service, socket].map((name) => ({
      packaged: `systemd/${name}`,
      path: posix.join(configHome, 'systemd/user', name),
    })),
    fill: fillUnit,
    ...calls('--user'),
    lingering: {
      ask: { argv: ['loginctl', 'show-user', String(uid), '--property=Linger', '--value'], mayFail: true },
      turnOn: { argv: ['loginctl', 'enable-linger'] },
      turnOff: 'loginctl disable-linger',
    },
    when: 'with each session',
    showLog: `journalctl --user --unit ${service} --lines 20`,
  };
}

/** For a whole system: the daemon has a user of its own, and those of its group may ask it. */
export function systemdSystemUnits(): Service {
  const { configFile, state, log } = systemPlaces;
  const config = posix.dirname(configFile);
  const key = `${config}/store.key`;
  const { start, ...others } = calls('--system');
  return {
    manager: 'systemd',
    unit: service,
    files: [
      { packaged: `systemd/system/${service}`, path: `/etc/systemd/system/${service}` },
      { packaged: `systemd/system/${socket}`, path: `/etc/systemd/system/${socket}` },
      { packaged: 'systemd/system/sysusers.conf', path: sysusers },
      { packaged: 'systemd/system/config.yaml', path: configFile, isKept: true },
    ],
    fill: (text, argv) => fillUnit(text, [...argv, '--config', configFile]),
    start: [
      { argv: ['systemd-sysusers', sysusers] },
      { argv: ['install', '--directory', '--group=iam-tokend', '--mode=0750', config] },
      // A proxy in it may have a password, and the group is that of everybody who may ask.
      { argv: ['chown', 'iam-tokend:root', configFile] },
      { argv: ['chmod', '0600', configFile] },
      { argv: ['sh', '-c', `umask 077 && [ -e ${key} ] || head --bytes=32 /dev/urandom >${key}`] },
      ...start,
    ],
    ...others,
    purge: [
      // Not by Node: in a folder of the daemon's user it follows a link that is put in the way meanwhile.
      { argv: ['rm', '--recursive', '--force', config, state, log] },
      { argv: ['userdel', 'iam-tokend'], mayFail: true },
      // There still where it has members.
      { argv: ['groupdel', 'iam-tokend'], mayFail: true },
    ],
    when: 'with the machine',
    showLog: `journalctl --unit ${service} --lines 20`,
  };
}

function calls(manager: '--user' | '--system'): Pick<Service, 'start' | 'stop' | 'end' | 'forget'> {
  const systemctl = (...args: readonly string[]): ProgramCall => ({ argv: ['systemctl', manager, ...args] });
  return {
    start: [
      systemctl('daemon-reload'),
      // After too many failures it would be refused.
      systemctl('reset-failed', 'iam-tokend.*'),
      systemctl('enable', socket, service),
      // The socket stays meanwhile, and those who ask wait on it.
      systemctl('restart', service),
    ],
    stop: [systemctl('stop', socket, service)],
    end: [
      { ...systemctl('stop', socket, service), mayFail: true },
      { ...systemctl('disable', socket, service), mayFail: true },
    ],
    forget: [systemctl('daemon-reload'), systemctl('reset-failed', 'iam-tokend.*')],
  };
}

/** The unit, with `argv` as the command that it starts; as it was where it starts none. */
function fillUnit(unit: string, [program, ...args]: readonly [string, ...string[]]): string {
  // systemd.service(5): $VARIABLES stand for their values in arguments, and not in the program's path.
  const words = [inQuotes(program), ...args.map((arg) => inQuotes(arg).replaceAll('$', '$$$$'))];
  return unit.replace(/^ExecStart=.*$/m, () => `ExecStart=${words.join(' ')}`);
}

/** systemd.syntax(7), systemd.unit(5): within quotes, `\` begins an escape and `%` a specifier. */
function inQuotes(word: string): string {
  return `"${word.replaceAll(/["\\]/g, String.raw`\$&`).replaceAll('%', '%%')}"`;
}
