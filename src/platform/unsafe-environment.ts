/** A variable by which the environment could decide for the daemon. */
export interface UnsafeVariable {
  readonly name: string;
  /** What it could do, after "can". */
  readonly effect: string;
  /** It acts before the first line of the program, so that only the service can prevent it. */
  readonly actsBeforeStart: boolean;
  /** The only platform that has it. */
  readonly platform?: NodeJS.Platform;
  /** Common in shells for other programs: `doctor` reports it only where the daemon or its service manager has it. */
  readonly isCommonInShells?: true;
}

type Details = Omit<UnsafeVariable, 'name' | 'effect' | 'actsBeforeStart'>;
const whileRunning = (effect: string, names: readonly string[], details: Details = {}) =>
  names.map((name) => ({ name, effect, actsBeforeStart: false, ...details }));
const beforeStart = (effect: string, names: readonly string[], details: Details = {}) =>
  names.map((name) => ({ name, effect, actsBeforeStart: true, ...details }));

/**
 * The one rule: the environment does not decide whom the daemon trusts, where it connects, what code it loads and what it
 * writes about its work; `config.yaml` does, and the variables of USAGE.md. Every variable that would is in this table, is
 * unset by the services, removed by the daemon when it starts, kept from its children, and named by `doctor`.
 * Sources: nodejs.org/api/cli.html, openssl-env(7), ld.so(8), dyld(1), resolver(5), hostname(7), libsecret's
 * secret-backend.c and secret-service.c, go.dev/doc/godebug, the source of the packages; November 2026.
 */
export const unsafeVariables: readonly UnsafeVariable[] = [
  ...whileRunning('turn off the verification of certificates', ['NODE_TLS_REJECT_UNAUTHORIZED']),
  ...whileRunning('replace the trusted authorities', ['SSL_CERT_FILE', 'SSL_CERT_DIR'], {
    isCommonInShells: true,
  }),
  ...whileRunning('add trusted authorities', ['NODE_USE_SYSTEM_CA']),
  ...whileRunning('weaken the TLS of yc', ['GODEBUG'], { isCommonInShells: true }),
  ...whileRunning('write the keys of TLS connections to a file', ['SSLKEYLOGFILE']),
  ...whileRunning('redirect connections', ['NODE_USE_ENV_PROXY']),
  ...whileRunning('redirect host names', ['HOSTALIASES', 'LOCALDOMAIN', 'RES_OPTIONS', 'RESOLV_HOST_CONF'], {
    platform: 'linux',
    isCommonInShells: true,
  }),
  ...whileRunning(
    'redirect the keychain',
    ['SECRET_BACKEND', 'SECRET_SERVICE_BUS_NAME', 'SECRET_FILE_TEST_PATH', 'SECRET_FILE_TEST_PASSWORD'],
    { platform: 'linux' },
  ),
  ...whileRunning(
    'load code into the keychain helper',
    ['GIO_MODULE_DIR', 'GIO_EXTRA_MODULES', 'GCONV_PATH'],
    {
      platform: 'linux',
      isCommonInShells: true,
    },
  ),
  ...whileRunning('print config.yaml to the log', ['LOG_TOKENS', 'LOG_STREAM']),
  ...beforeStart('change any setting of Node', ['NODE_OPTIONS']),
  ...beforeStart('load other code into Node', ['NODE_PATH', 'NODE_COMPILE_CACHE'], {
    isCommonInShells: true,
  }),
  ...beforeStart('load other code into Node', ['NODE_PRESERVE_SYMLINKS', 'NODE_PRESERVE_SYMLINKS_MAIN']),
  ...beforeStart('end the program at its start', ['NODE_CHANNEL_FD', 'NODE_UNIQUE_ID']),
  ...beforeStart('print requests to the log', ['NODE_DEBUG', 'NODE_DEBUG_NATIVE']),
  ...beforeStart('write to files', ['NODE_REDIRECT_WARNINGS', 'NODE_V8_COVERAGE']),
  ...beforeStart('weaken TLS or load code into OpenSSL', [
    'OPENSSL_CONF',
    'OPENSSL_CONF_INCLUDE',
    'OPENSSL_ENGINES',
    'OPENSSL_MODULES',
  ]),
  ...beforeStart('load code into every program', ['LD_PRELOAD', 'LD_AUDIT'], { platform: 'linux' }),
  ...beforeStart('write to files', ['LD_DEBUG', 'LD_DEBUG_OUTPUT', 'LD_PROFILE', 'LD_PROFILE_OUTPUT'], {
    platform: 'linux',
  }),
  ...beforeStart('replace libraries', ['LD_LIBRARY_PATH'], { platform: 'linux', isCommonInShells: true }),
  ...beforeStart(
    'load code into every program',
    ['DYLD_INSERT_LIBRARIES', 'DYLD_LIBRARY_PATH', 'DYLD_FRAMEWORK_PATH'],
    { platform: 'darwin' },
  ),
];

/** Options that weaken TLS, load code, open the inspector or write files; the others tune memory and warnings. */
const unsafeNodeOption =
  /(?:^|\s)(?:-r\b|--(?:tls-|trace-tls|use-\w+-ca|use-openssl-ca|use-env-proxy|openssl-|require|import|loader|experimental-loader|inspect|insecure-http-parser|heapsnapshot|report|redirect-warnings|diagnostic-dir|cpu-prof|heap-prof))/;

type Environment = Readonly<Record<string, string | undefined>>;

/** Those of the table that are set; not `NODE_OPTIONS` if its options only tune memory or warnings. */
export function findUnsafeVariables(environment: Environment): readonly UnsafeVariable[] {
  return unsafeVariables.filter(({ name }) => {
    const value = environment[name] ?? '';
    return value !== '' && (name !== 'NODE_OPTIONS' || unsafeNodeOption.test(normalizeNodeOptions(value)));
  });
}

/** Node removes quotes and backslashes, and reads `_` in the name of an option as `-`. */
function normalizeNodeOptions(value: string): string {
  return value.replaceAll(/["\\]/g, '').replaceAll('_', '-');
}

/** A copy without the variables of the table. */
export function withoutUnsafeVariables(environment: Environment): Record<string, string | undefined> {
  const unsafeNames = new Set(unsafeVariables.map(({ name }) => name));
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !unsafeNames.has(name.toUpperCase())),
  );
}

/**
 * Removes the variables of `unsafeVariables` from the environment of this process, and so from that of its children.
 * @returns the names of those that were set, and a warning for each
 */
export function removeUnsafeVariables(environment: Record<string, string | undefined>): {
  readonly names: readonly string[];
  readonly warnings: readonly string[];
} {
  const found = findUnsafeVariables(environment);
  for (const { name } of unsafeVariables) delete environment[name];
  return {
    names: found.map(({ name }) => name),
    warnings: found.map(({ name, effect, actsBeforeStart }) =>
      actsBeforeStart
        ? `${name} was set when the daemon started, and can ${effect}`
        : `${name} is ignored: it can ${effect}`,
    ),
  };
}
