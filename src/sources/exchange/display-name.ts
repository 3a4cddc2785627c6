import * as v from 'valibot';
import { sanitizeUpstreamText } from './sanitize-upstream-text.ts';

/** Names of service accounts have at most 63 characters; a longer name is cut. */
export const maxDisplayNameLength = 64;

const name = () => v.fallback(v.string(), '');

/** Only the fields that name an account; of an unexpected type, they count as missing. */
const accountSchema = v.object({
  name: name(),
  yandexPassportUserAccount: v.fallback(v.object({ login: name(), defaultEmail: name() }), {
    login: '',
    defaultEmail: '',
  }),
  samlUserAccount: v.fallback(v.object({ nameId: name() }), { nameId: '' }),
});

/**
 * The display name in a service account or a user account of IAM: its name, its login or its name in a federation.
 * @param secret the token that was sent, which the name must not repeat
 * @returns at most 64 characters without control characters and direction marks; `null` without a name
 */
export function parseDisplayName(account: object, secret: string): string | null {
  const parsed = v.parse(accountSchema, account);
  const { login, defaultEmail } = parsed.yandexPassportUserAccount;
  const candidates = [parsed.name, login, defaultEmail, parsed.samlUserAccount.nameId];
  const names = candidates.map((text) => sanitizeUpstreamText(text, secret));
  const displayName = names.find((text) => text !== '');
  return displayName === undefined ? null : truncateName(displayName);
}

function truncateName(text: string): string {
  const characters = Array.from(text);
  if (characters.length <= maxDisplayNameLength) return text;
  return `${characters.slice(0, maxDisplayNameLength - 1).join('')}…`;
}
