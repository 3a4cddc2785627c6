/**
 * An option of Node for every program that may hold a secret. SIGUSR1 opens Node's inspector from its first milliseconds
 * on, before any code of a program runs. With this address it fails to: no machine has it (RFC 5737).
 * `--disable-sigusr1` does the same, but Node 20 does not have it and would not start.
 */
export const closedInspectorOption = '--inspect-port=192.0.2.1:9229';
