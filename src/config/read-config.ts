import { readFileSync } from 'node:fs';
import type { Config } from './config.ts';
import type { Faults } from './config-file.ts';
import { type ConfigInput, loadConfig } from './load-config.ts';

/** The configuration cannot be used; each line of the message is one mistake. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export interface ConfigPlace {
  readonly path: string;
  /** Whether a person named this file, which then must be there. */
  readonly isNamed: boolean;
}

/** Without one, Node trusts nobody new and says nothing. */
const pemCertificate = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/;

export interface ReadConfig {
  readonly config: Config;
  readonly warnings: readonly string[];
  /** What `network.caFile` holds. */
  readonly certificates: string | null;
}

/** @throws ConfigError */
export async function readConfig(
  place: ConfigPlace,
  input: Pick<ConfigInput, 'flags' | 'environment'> & { readonly scheduleFault: Faults['schedule'] },
): Promise<ReadConfig> {
  const { scheduleFault, ...said } = input;
  const texts = new Map<string, string>();
  const caFile: Faults['caFile'] = (path) => {
    try {
      texts.set(path, readFileSync(path, 'utf8'));
    } catch (cause) {
      return `cannot be read: ${reasonOf(cause)}`;
    }
    return pemCertificate.test(texts.get(path) ?? '') ? null : 'holds no certificate in PEM';
  };
  const result = await loadConfig({
    ...said,
    file: configFile(place),
    faults: { schedule: scheduleFault, caFile },
  });
  if (!result.ok) throw new ConfigError(result.mistakes.join('\n'));
  return { ...result, certificates: texts.get(result.config.network.caFile ?? '') ?? null };
}

function configFile({ path, isNamed }: ConfigPlace): ConfigInput['file'] {
  try {
    return { path, text: readFileSync(path, 'utf8') };
  } catch (cause) {
    if (!isNamed && cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw new ConfigError(`${path} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
