/** The names that the client or the daemon know. */
const known: ReadonlySet<string> = new Set([
  'IAM_TOKEND_SOCKET',
  'IAM_TOKEND_PROFILE',
  'IAM_TOKEND_IAM_ENDPOINT',
  'IAM_TOKEND_STORE',
  'IAM_TOKEND_LOG_LEVEL',
]);

/** A warning for each name with our prefix that means nothing: most likely another was meant. */
export function strangeNames(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith('IAM_TOKEND_') && !known.has(name))
    .map((name) => `${name} is set, but there is no such setting`);
}
