/**
 * A violated rule with the setting and its value: `log.level: "loud" must be one of error, warn`.
 * @param value shown if it is a scalar
 */
export function formatViolation(name: string, value: unknown, rule: string): string {
  const quotedValue = quoteScalar(value);
  return `${name}: ${quotedValue === null ? '' : `${quotedValue} `}${rule}`;
}

/** In violations, as above and of `parseConfigFile`: the value, which may be a secret in the wrong place. */
const valuePatterns = [
  /(?<=:\d+: [\w.-]+: )(?:"(?:[^"\\]|\\.)*"|-?[\d.e+]+)(?= )/g,
  /(?<=\b(?:IAM_TOKEND_\w+|https?_proxy): |--[a-z-]+: )"(?:[^"\\]|\\.)*"(?= )/gi,
  // croner repeats the pattern or a part of it.
  /(?<=is not a cron pattern )\(.*\)/g,
  /(?<=:\d+: )\*[^\n]*(?=: quote a value that begins)/g,
  // A name with other characters than letters is not a misspelt key.
  /(?<=:\d+: |\.)(?![A-Za-z]{1,30}: )[^\s.][^\n.]*(?=: unknown key)/g,
];

/** @returns the text with all violations in it, but without their values */
export function redactViolations(text: string): string {
  return valuePatterns.reduce((redacted, pattern) => redacted.replace(pattern, '[redacted]'), text);
}

function quoteScalar(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return null;
  // A URL can contain a password before its host.
  return JSON.stringify(value.replace(/^([a-z]+:\/\/)?.*@/is, '$1…@').slice(0, 100));
}
