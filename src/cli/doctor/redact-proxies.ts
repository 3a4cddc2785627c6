/**
 * Redacts secrets in a bundle: what looks like one, the passwords of the proxies that are set here, and the invalid values
 * of a configuration.
 */
import { readFileSync } from 'node:fs';
import { redact } from '../../adapters/redact.ts';
import { redactViolations } from '../../config/format-violation.ts';
import type { DoctorContext } from './doctor-context.ts';

/** Shorter ones are redacted within URLs only: they would also occur in other words. */
const minPasswordLength = 4;
const minUserLength = 8;

/** @returns the text without secrets */
export function createRedaction(context: DoctorContext): (text: string) => string {
  const { settings, commandContext } = context;
  const { env } = commandContext.processContext;
  const proxies = [
    settings?.config.network.proxy,
    settings?.configuredProxy,
    ...wordsWithUserInfo(context),
    ...Object.keys(env)
      .filter((name) => /_proxy$/i.test(name))
      .map((name) => env[name]),
  ];
  // The longest first: one may contain another.
  const secrets = [...new Set(proxies.flatMap((proxy) => secretsOf(proxy ?? '')))].toSorted(
    (a, b) => b.length - a.length,
  );
  return (text) => {
    const withoutProxies = secrets.reduce((result, secret) => result.replaceAll(secret, '[redacted]'), text);
    return redact(redactViolations(withoutProxies));
  };
}

/** Of a file that may be invalid, so that its settings are unknown. */
function wordsWithUserInfo(context: DoctorContext): readonly string[] {
  try {
    return readFileSync(context.configPath, 'utf8').match(/[^\s"'{},]+@[^\s"'{},]+/g) ?? [];
  } catch {
    return []; // Without such a file, there is nothing to redact.
  }
}

/** The user and password of a proxy in all spellings: as written, decoded, encoded, and as a header. */
function secretsOf(proxy: string): readonly string[] {
  const userInfo = /^(?:[a-z][a-z\d+.-]*:\/\/)?(.*)@/is.exec(proxy)?.[1] ?? '';
  const [user = '', ...passwordParts] = userInfo.split(':');
  const password = passwordParts.join(':');
  if (password === '' && userInfo.length < minUserLength) return [];
  const plain = decode(password);
  return [
    userInfo,
    password,
    plain,
    encodeURIComponent(plain),
    URL.canParse(proxy) ? new URL(proxy).password : '',
    Buffer.from(`${decode(user)}:${plain}`).toString('base64'),
  ].filter((secret) => secret.length >= minPasswordLength);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A `%` that begins no escape.
  }
}
