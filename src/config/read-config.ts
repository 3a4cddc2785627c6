import * as v from 'valibot';
import { defaultAudienceOf } from '../shared/endpoint.ts';
import { parseProxyUrl } from './proxy-url.ts';
import { errorReason, errorCode } from '../shared/error-utils.ts';
import {
  type Config,
  createConfigSchema,
  endpointSchema,
  logLevelSchema,
  type ScheduleValidator,
  storeKindSchema,
} from './config.ts';
import { hasCredentials } from './config-access.ts';
import { formatViolation } from './format-violation.ts';
import { findCaFile, type ParsedConfigFile, parseConfigFile } from './parse-config-file.ts';
import { type PemCertificates, readPemCertificates } from './pem-certificates.ts';
import { readExtraCertificates } from './extra-certificates.ts';
import { findEnvironmentWarnings } from './environment-warnings.ts';
import { readTextAsync } from '../files/read-guarded-file.ts';

/** An invalid configuration; each line of the message is one violation. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export interface ConfigInput {
  /** Options of `iam-tokend`, unchecked. */
  readonly flags: { readonly store?: string | undefined; readonly logLevel?: string | undefined };
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly validateSchedule: ScheduleValidator;
  /** Whose rules apply to paths. */
  readonly platform: NodeJS.Platform;
  /** Reads a file that is named in the configuration; default: without a deadline. */
  readonly readText?: (path: string) => Promise<string>;
}

export interface ConfigReading {
  readonly config: Config;
  readonly warnings: readonly string[];
  /** Whether the file contains the password of a proxy. */
  readonly hasPassword: boolean;
  /** `network.caFile`. */
  readonly caFile: string | null;
  /** The file of `NODE_EXTRA_CA_CERTS`, if it is used. */
  readonly extraCaFile: string | null;
}

/**
 * Flags override the environment, the environment overrides the file at `path`, and the file overrides the defaults.
 * @param path `null`: no file
 * @param isExplicit whether the user named the file; then it must exist
 * @throws ConfigError with all violations
 */
export async function readConfig(
  path: string | null,
  isExplicit: boolean,
  input: ConfigInput,
): Promise<ConfigReading> {
  const { flags, environment, readText = readTextAsync } = input;
  const file = await readConfigFile(path, isExplicit, input, readText);
  const violations = file.violations.map((violation) => `${path}:${violation}`);
  const { log, iam, network } = file.config;

  const store =
    parseValue('--store', storeKindSchema, flags.store) ??
    parseEnvironment('IAM_TOKEND_STORE', storeKindSchema);
  const level =
    parseValue('--log-level', logLevelSchema, flags.logLevel) ??
    parseEnvironment('IAM_TOKEND_LOG_LEVEL', logLevelSchema);
  const environmentEndpoint = parseEnvironment('IAM_TOKEND_IAM_ENDPOINT', endpointSchema);
  const environmentProxy = readEnvironmentProxy(environment);

  if (violations.length > 0) throw new ConfigError(violations.join('\n'));
  const extra = await readExtraCertificates(environment, readText);
  const config: Config = {
    ...file.config,
    store: store ?? file.config.store,
    log: { level: level ?? log.level },
    // The audience of the file belongs to the endpoint of the file.
    iam:
      environmentEndpoint === undefined
        ? iam
        : { ...iam, endpoint: environmentEndpoint, audience: defaultAudienceOf(environmentEndpoint) },
    network: {
      ...network,
      proxy: environmentProxy.url ?? network.proxy,
      noProxy: parseNoProxy(environment),
      certificates: [...network.certificates, ...extra.certificates],
    },
  };
  const warnings = [...findEnvironmentWarnings(environment), ...environmentProxy.warnings, ...extra.warnings];
  const hasPassword = hasCredentials(network.proxy);
  return { config, warnings, hasPassword, caFile: file.caFile, extraCaFile: extra.path };

  function parseEnvironment<T>(name: string, schema: v.GenericSchema<unknown, T>): T | undefined {
    return parseValue(name, schema, environment[name]);
  }

  function parseValue<T>(
    name: string,
    schema: v.GenericSchema<unknown, T>,
    value: string | undefined,
  ): T | undefined {
    const result = v.safeParse(v.optional(schema), value);
    if (result.success) return result.output;
    violations.push(formatViolation(name, value, result.issues[0].message));
    return undefined;
  }
}

/** Other programs set these variables for their own purposes, so an unusable one is not an error. */
function readEnvironmentProxy(environment: ConfigInput['environment']): {
  readonly url: string | null;
  readonly warnings: readonly string[];
} {
  // In a shell, an empty value means no proxy.
  const name = ['HTTPS_PROXY', 'https_proxy'].find((candidate) => environment[candidate]);
  if (name === undefined) return { url: null, warnings: [] };
  const value = environment[name] ?? '';
  const proxy = parseProxyUrl(value);
  if (proxy.ok) return { url: proxy.url, warnings: [] };
  return { url: null, warnings: [`${formatViolation(name, value, proxy.rule)}; it is ignored`] };
}

function parseNoProxy(environment: ConfigInput['environment']): readonly string[] {
  return (environment['NO_PROXY'] || environment['no_proxy'] || '').split(/[\s,]+/).filter(Boolean);
}

async function readConfigFile(
  path: string | null,
  isExplicit: boolean,
  { validateSchedule, platform }: ConfigInput,
  readText: (path: string) => Promise<string>,
): Promise<ParsedConfigFile> {
  const text = path === null ? null : await readConfigText(path, isExplicit, readText);
  const caFile = text === null ? null : await findCaFile(text);
  const caCertificates = caFile === null ? noCertificates : await readPemCertificates(caFile, readText);
  const schema = createConfigSchema(validateSchedule, platform, caCertificates);
  return text === null
    ? { config: v.parse(schema, {}), caFile: null, violations: [] }
    : parseConfigFile(text, schema);
}

/** Without a `network.caFile`; a file that was not read must never pass. */
const noCertificates: PemCertificates = { certificates: [], violations: ['was not read'] };

async function readConfigText(
  path: string,
  isExplicit: boolean,
  readText: (path: string) => Promise<string>,
): Promise<string | null> {
  try {
    return await readText(path);
  } catch (cause) {
    if (!isExplicit && errorCode(cause) === 'ENOENT') return null;
    throw new ConfigError(`cannot read ${path}: ${errorReason(cause)}`, { cause });
  }
}
