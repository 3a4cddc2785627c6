import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { audienceOf } from '../shared/endpoint.ts';
import { reasonOf, systemCodeOf } from '../shared/thrown.ts';
import {
  type Config,
  configSchema,
  endpoint,
  logLevel,
  proxy,
  type ScheduleFault,
  storeKind,
} from './config.ts';
import { type ParsedConfigFile, parseConfigFile } from './config-file.ts';
import { strangeNames } from './environment-names.ts';

/** The configuration cannot be used; each line of the message is one mistake. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export interface ConfigInput {
  /** Flags of `iam-tokend`, as typed. */
  readonly flags: { readonly store?: string | undefined; readonly logLevel?: string | undefined };
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly scheduleFault: ScheduleFault;
}

/**
 * Flags beat environment, environment beats the file at `path`, the file beats the default.
 * @param isNamed whether a person named the file, which then must be there
 * @throws ConfigError with all mistakes there are
 */
export async function readConfig(
  path: string,
  isNamed: boolean,
  { flags, environment, scheduleFault }: ConfigInput,
): Promise<{ readonly config: Config; readonly warnings: readonly string[] }> {
  const schema = configSchema(scheduleFault);
  const text = textOf(path, isNamed);
  const file: ParsedConfigFile =
    text === null ? { config: v.parse(schema, {}), mistakes: [] } : await parseConfigFile(text, schema);
  const mistakes = file.mistakes.map((mistake) => `${path}:${mistake}`);
  const { log, iam, network } = file.config;

  const store = checked('--store', storeKind, flags.store) ?? fromEnvironment('IAM_TOKEND_STORE', storeKind);
  const level =
    checked('--log-level', logLevel, flags.logLevel) ?? fromEnvironment('IAM_TOKEND_LOG_LEVEL', logLevel);
  const installation = fromEnvironment('IAM_TOKEND_IAM_ENDPOINT', endpoint);
  // An empty one is how a shell takes a proxy back.
  const proxyOf = (name: string) => checked(name, proxy, environment[name] || undefined);
  const ownProxy = proxyOf('HTTPS_PROXY') ?? proxyOf('https_proxy');

  if (mistakes.length > 0) throw new ConfigError(mistakes.join('\n'));
  const config: Config = {
    ...file.config,
    store: store ?? file.config.store,
    log: { level: level ?? log.level },
    // Endpoint and audience travel together: one from the environment never meets the other from the file.
    iam:
      installation === undefined
        ? iam
        : { ...iam, endpoint: installation, audience: audienceOf(installation) },
    network: {
      ...network,
      proxy: ownProxy ?? network.proxy,
      noProxy: (environment['NO_PROXY'] || environment['no_proxy'] || '').split(/[\s,]+/).filter(Boolean),
    },
  };
  return { config, warnings: strangeNames(environment) };

  function fromEnvironment<T>(name: string, schema: v.GenericSchema<unknown, T>): T | undefined {
    return checked(name, schema, environment[name]);
  }

  function checked<T>(
    name: string,
    schema: v.GenericSchema<unknown, T>,
    value: string | undefined,
  ): T | undefined {
    const read = v.safeParse(v.optional(schema), value);
    if (read.success) return read.output;
    mistakes.push(`${name}: ${read.issues[0].message}`);
    return undefined;
  }
}

function textOf(path: string, isNamed: boolean): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (!isNamed && systemCodeOf(cause) === 'ENOENT') return null;
    throw new ConfigError(`${path} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}
