import type { ProfileStatus } from '../../protocol/method-types.ts';
import { escapeControlCharacters } from './escape.ts';

/** `my-robot (aje…)`, or the one of both that is known; `null` if neither is. */
export function formatAccountName({
  displayName,
  subject,
}: Pick<ProfileStatus, 'displayName' | 'subject'>): string | null {
  const name =
    displayName === undefined ? subject : subject === null ? displayName : `${displayName} (${subject})`;
  return name === null ? null : escapeControlCharacters(name);
}
