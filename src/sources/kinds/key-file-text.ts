import type { IamTokenError } from '../../shared/errors.ts';
import type { Hint } from '../../shared/hint.ts';
import { createBadRequestError } from '../credential-kind.ts';

/** Texts that are often used by mistake. */
const unsupportedTexts: readonly (readonly [RegExp, string, Hint?])[] = [
  [/^$/, 'the key file is empty'],
  [/\0/, 'the key file is not encoded in UTF-8'],
  [/^-----BEGIN /, 'expected the JSON file of an authorized key, got a PEM key'],
  [
    /^(?:y[0-3]_|AQAA)\S*$/,
    'expected the JSON file of an authorized key, got an OAuth token',
    { command: 'login', kind: 'oauth' },
  ],
  [/^t1\.\S*$/, 'expected the JSON file of an authorized key, got an IAM token'],
  [/^AQVN\S*$/, 'expected the JSON file of an authorized key, got an API key'],
];

/**
 * The JSON value of a key file as it arrives through variables of CI systems, templates and editors: with a byte order
 * mark or quotes around it, in base64, as a JSON string, or with line ends in its strings that are not escaped.
 *
 * @throws IamTokenError `bad_request`; the message names what the text is instead, without any part of it
 */
export function parseKeyFileText(text: string): unknown {
  const content = decodeBase64(unquote(text.replace(/^\uFEFF/, '').trim()));
  for (const [pattern, message, hint] of unsupportedTexts)
    if (pattern.test(content)) throw createKeyFileError(message, hint);
  const value = parseJson(content) ?? parseJson(escapeLineEnds(content));
  if (value === undefined) {
    throw createKeyFileError(
      content.startsWith('{')
        ? 'the key file is truncated or damaged: invalid JSON'
        : 'the key file is not JSON',
    );
  }
  return typeof value === 'string' ? parseJson(value) : value;
}

export function createKeyFileError(
  message: string,
  hint: Hint = 'yc iam key create --service-account-id ID -o key.json',
): IamTokenError {
  return createBadRequestError(message, hint);
}

/** Quotes of a shell or of YAML; a JSON string has double quotes. */
function unquote(text: string): string {
  return /^'\s*\{.*\}\s*'$/s.test(text) ? text.slice(1, -1) : text;
}

/** The text that `text` encodes in base64 if that is a JSON object, else `text`. */
function decodeBase64(text: string): string {
  if (!/^[\w+/\s-]+={0,2}$/.test(text)) return text;
  const decoded = Buffer.from(text, 'base64')
    .toString()
    .replace(/^\uFEFF/, '')
    .trim();
  return decoded.startsWith('{') ? decoded : text;
}

/** Escapes the line ends that stand inside strings, which JSON does not allow. */
function escapeLineEnds(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*(?:"|$)/gs, (string) => string.replace(/\r?\n/g, String.raw`\n`));
}

/** @returns `undefined` for invalid JSON, whose error would quote the key */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
