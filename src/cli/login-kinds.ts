import { usageError } from './endings.ts';
import type { LoginKind } from './login-kind.ts';
import { oauth } from './login-oauth.ts';
import { serviceAccountKey } from './login-service-account-key.ts';
import { metadata, workloadIdentity, yc } from './login-settings.ts';
import type { GivenOptions } from './parse-command-line.ts';

/** The default one first. */
const loginKinds: readonly [LoginKind, ...LoginKind[]] = [
  oauth,
  serviceAccountKey,
  metadata,
  workloadIdentity,
  yc,
];

/**
 * The one kind that the options mean.
 * @throws IamTokenError `bad_request` for two of them, and for an option that belongs to another
 */
export function chosenKind(options: GivenOptions): LoginKind {
  const [kind = loginKinds[0], second] = loginKinds.filter(({ option }) => options.flag(option));
  if (second !== undefined) {
    throw usageError(`--${kind.option} and --${second.option} are two kinds of credential; give one of them`);
  }
  for (const { option, ownOptions } of loginKinds) {
    const stray = option === kind.option ? undefined : ownOptions.find((name) => options.flag(name));
    if (stray !== undefined) throw usageError(`--${stray} goes with --${option}`);
  }
  return kind;
}
