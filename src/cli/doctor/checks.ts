import type { Check } from './check-result.ts';
import { daemonChecks } from './daemon-checks.ts';
import { environmentCheck } from './environment-check.ts';
import { keysCheck } from './keys/keys-check.ts';
import { localChecks } from './local-checks.ts';
import { networkChecks } from './network-checks.ts';
import { pathCheck } from './path-check.ts';
import { profilesCheck } from './profiles-check.ts';

/** What `doctor` checks, in this order, from this program to IAM. */
export const checks: readonly Check[] = [
  ...localChecks,
  ...daemonChecks,
  environmentCheck,
  pathCheck,
  ...networkChecks,
  profilesCheck,
  keysCheck,
];
