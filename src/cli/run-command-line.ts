import { systemClock } from '../adapters/system-clock.ts';
import { strangeNames } from '../config/environment-names.ts';
import type { Surroundings } from '../platform/places.ts';
import { version } from '../shared/version.ts';
import type { Command } from './command.ts';
import { complete, completion } from './complete.ts';
import { awsCredentialProcess, dockerCredential, kubernetesCredential } from './credential-helpers.ts';
import { env } from './env.ts';
import { exec } from './exec.ts';
import { exitCodeAfter } from './exit-codes.ts';
import { helpText } from './help.ts';
import { install } from './install.ts';
import { lock, unlock } from './lock.ts';
import { login } from './login.ts';
import type { CommandName } from './options.ts';
import { parseCommandLine } from './parse-command-line.ts';
import { logout, profiles, refresh, use } from './profiles.ts';
import { status } from './status.ts';
import { stop } from './stop.ts';
import { print, printWarning } from './terminal.ts';
import { createToken, token } from './token.ts';
import { uninstall } from './uninstall.ts';
import { yc } from './yc.ts';

const runners: Readonly<Record<CommandName, Command>> = {
  token,
  'create-token': createToken,
  login,
  logout,
  refresh,
  status,
  profiles,
  use,
  lock,
  unlock,
  install,
  uninstall,
  stop,
  completion,
  exec,
  env,
  'docker-credential': dockerCredential,
  'kubernetes-credential': kubernetesCredential,
  'aws-credential-process': awsCredentialProcess,
  yc,
  doctor: async (call) => (await import('./doctor.ts')).doctor(call),
};

/**
 * Everything but the call without arguments. A bundle of its own, with its own copy of what it shares with that call:
 * nothing but the exit code passes from one to the other.
 */
export function runCommandLine(args: readonly string[], surroundings: Surroundings): Promise<number> {
  return exitCodeAfter(runParsed(args, surroundings));
}

async function runParsed(args: readonly string[], surroundings: Surroundings): Promise<number | void> {
  // Asked by a shell with words that are half typed, which nobody else would take.
  if (args[0] === '__complete') return complete(args.slice(1), surroundings);
  const given = parseCommandLine(args);
  const { command, options } = given;
  // doctor has them among its findings.
  const isSilent = command.name === 'doctor' || options.has('no-user-output');
  if (!isSilent) for (const message of strangeNames(surroundings.env)) printWarning(message);
  if (options.has('help')) print(helpText(command));
  else if (options.has('version')) print(`iam-token ${version}`);
  else return runners[command.name]({ ...given, surroundings, clock: systemClock() });
}
