import { defaultTimeoutMs } from '../../client/request-token.ts';
import type { CommandDefinition } from '../command.ts';
import {
  duration,
  flag,
  formatValue,
  keychainTimeoutMs,
  type OptionDefinition,
  type OptionSpec,
  text,
} from './options.ts';

/** The options of a command, and those of all commands. */
export function optionsOf({
  name,
  options,
  timeoutMs = defaultTimeoutMs,
}: CommandDefinition): readonly OptionSpec[] {
  const waitedFor = timeoutMs === keychainTimeoutMs ? 'the daemon and the keychain' : 'the daemon';
  const defaultTimeout = timeoutMs < 1_000 ? `${timeoutMs}ms` : `${timeoutMs / 1_000}s`;
  const timeoutHelp = `wait at most this long for ${waitedFor} (default: ${defaultTimeout})`;
  const definitions: Readonly<Record<string, OptionDefinition>> = {
    ...options,
    socket: text('PATH', "path of the daemon's socket (default: IAM_TOKEND_SOCKET, then the usual path)"),
    timeout: duration({ minMs: 1, maxMs: 24 * 60 * 60_000 }, timeoutHelp),
    help: flag('show this help (also -h)'),
    ...(name === '' ? { version: flag('show the version (also -v)') } : {}),
  };
  return Object.entries(definitions).map(([name, option]) => ({ name, ...option }));
}

/** `iam-token use NAME`. */
export function formatUsage({ name, operand }: Pick<CommandDefinition, 'name' | 'operand'>): string {
  return ['iam-token', name, operand === undefined ? '' : formatValue(operand)].filter(Boolean).join(' ');
}
