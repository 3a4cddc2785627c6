import { strangeNames } from '../config/environment-names.ts';
import type { Surroundings } from '../platform/places.ts';
import { printWarning } from './terminal.ts';

/** A mistyped `IAM_TOKEND_PROFILE` would give out the token of another profile without a word. */
export function warnOfNames({ env }: Surroundings): void {
  for (const message of strangeNames(env)) printWarning(message);
}
