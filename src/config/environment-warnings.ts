/** The variables that the client or the daemon reads. */
const knownNames: readonly string[] = [
  'IAM_TOKEND_SOCKET',
  'IAM_TOKEND_PROFILE',
  'IAM_TOKEND_IAM_ENDPOINT',
  'IAM_TOKEND_STORE',
  'IAM_TOKEND_LOG_LEVEL',
];

/** A warning for each variable with our prefix that has no meaning, because it is probably misspelled. */
export function findEnvironmentWarnings(
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith('IAM_TOKEND_') && !knownNames.includes(name))
    .map((name) => `unknown environment variable ${name}; known: ${knownNames.join(', ')}`);
}
