import { endpointOf } from '../shared/endpoint.ts';
import { type LogLevel, logLevels } from '../shared/log.ts';
import { audienceOf, type Config, defaultConfig, storeKinds } from './config.ts';
import { type ConfigFile, type Faults, parseConfigFile } from './config-file.ts';
import { strangeNames } from './environment-names.ts';
import { proxyForm, proxyPattern } from './proxy-form.ts';

/** Flags of `iam-tokend`, as typed. */
export interface ConfigFlags {
  readonly store?: string | undefined;
  readonly logLevel?: string | undefined;
}

export interface ConfigInput {
  readonly flags: ConfigFlags;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where `config.yaml` is, for messages, and its text; `null` without one. */
  readonly file: { readonly path: string; readonly text: string } | null;
  readonly faults: Faults;
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  /** All mistakes there are, each one line. */
  | { readonly ok: false; readonly mistakes: readonly string[] };

/** Flags beat environment, environment beats the file, the file beats the default. */
export async function loadConfig(input: ConfigInput): Promise<ConfigResult> {
  const { flags, environment, file } = input;
  const parsed = file === null ? null : await parseConfigFile(file.text, input.faults);
  const mistakes: string[] = [];
  if (parsed?.ok === false) {
    mistakes.push(...parsed.mistakes.map(({ line, message }) => `${file?.path}:${line}: ${message}`));
  }
  const said: ConfigFile = parsed?.ok === true ? parsed.file : {};

  const store =
    chosen(storeKinds, [
      ['--store', flags.store],
      ['IAM_TOKEND_STORE', environment['IAM_TOKEND_STORE']],
    ]) ??
    said.store ??
    defaultConfig.store;
  const logLevel: LogLevel =
    chosen(logLevels, [
      ['--log-level', flags.logLevel],
      ['IAM_TOKEND_LOG_LEVEL', environment['IAM_TOKEND_LOG_LEVEL']],
    ]) ??
    said.log?.level ??
    defaultConfig.logLevel;
  const iam = installation(endpointFrom(environment['IAM_TOKEND_IAM_ENDPOINT']), said.iam);
  const proxy = proxyFrom('HTTPS_PROXY') ?? proxyFrom('https_proxy') ?? said.network?.proxy ?? null;

  if (mistakes.length > 0) return { ok: false, mistakes };
  const schedule = said.refresh?.schedule;
  const config: Config = {
    store,
    fileKey: said.file ?? defaultConfig.fileKey,
    logLevel,
    refresh: {
      schedule: schedule ?? defaultConfig.refresh.schedule,
      spread: schedule === undefined && (said.refresh?.spread ?? defaultConfig.refresh.spread),
    },
    iam: { ...iam, timeoutMs: said.iam?.timeout ?? defaultConfig.iam.timeoutMs },
    network: {
      proxy,
      noProxy: (environment['NO_PROXY'] || environment['no_proxy'] || '').split(/[\s,]+/).filter(Boolean),
      caFile: said.network?.caFile ?? null,
    },
    httpSocket: said.http?.socket ?? defaultConfig.httpSocket,
    metadata: {
      listen: said.metadata?.listen ?? null,
      allowAnyLocalUser: said.metadata?.allowAnyLocalUser ?? defaultConfig.metadata.allowAnyLocalUser,
    },
  };
  return { ok: true, config, warnings: strangeNames(environment) };

  function chosen<T extends string>(
    allowed: readonly T[],
    given: readonly (readonly [name: string, value: string | undefined])[],
  ): T | undefined {
    for (const [name, value] of given) {
      if (value === undefined) continue;
      const found = allowed.find((choice) => choice === value);
      if (found !== undefined) return found;
      mistakes.push(`${name}: must be one of ${allowed.join(', ')}`);
    }
    return undefined;
  }

  function endpointFrom(value: string | undefined): string | undefined {
    if (value === undefined) return undefined;
    const found = endpointOf(value);
    if (found === null) {
      mistakes.push('IAM_TOKEND_IAM_ENDPOINT: must be an https URL (http only for a loopback address)');
    }
    return found ?? undefined;
  }

  /** An empty one is how a shell takes a proxy back. */
  function proxyFrom(name: string): string | undefined {
    const value = environment[name];
    if (value === undefined || value === '') return undefined;
    if (proxyPattern.test(value)) return value;
    mistakes.push(`${name}: ${proxyForm}`);
    return undefined;
  }
}

/** Endpoint and audience travel together: one from the environment never meets the other from the file. */
function installation(
  fromEnvironment: string | undefined,
  fromFile: ConfigFile['iam'],
): { readonly endpoint: string; readonly audience: string } {
  if (fromEnvironment !== undefined)
    return { endpoint: fromEnvironment, audience: audienceOf(fromEnvironment) };
  const endpoint = fromFile?.endpoint ?? defaultConfig.iam.endpoint;
  return { endpoint, audience: fromFile?.audience ?? audienceOf(endpoint) };
}
