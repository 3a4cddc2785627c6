import { posix } from 'node:path';
import type { ProgramCall, Service } from './service.ts';

const service = 'iam-tokend.service';
const socket = 'iam-tokend.socket';

/** @param configHome where `systemd/user` with a person's own units lies */
export function systemdUnits(configHome: string, uid: number | null): Service {
  return {
    manager: 'systemd',
    unit: service,
    files: [service, socket].map((name) => ({
      packaged: `systemd/${name}`,
      path: posix.join(configHome, 'systemd/user', name),
    })),
    fill: fillUnit,
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
    lingering: {
      ask: { argv: ['loginctl', 'show-user', String(uid), '--property=Linger', '--value'], mayFail: true },
      turnOn: { argv: ['loginctl', 'enable-linger'] },
      turnOff: 'loginctl disable-linger',
    },
    showLog: `journalctl --user --unit ${service} --lines 20`,
  };
}

function systemctl(...args: readonly string[]): ProgramCall {
  return { argv: ['systemctl', '--user', ...args] };
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
