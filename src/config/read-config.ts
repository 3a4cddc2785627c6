import { readFileSync } from 'node:fs';
import type { Config } from './config.ts';
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

/** @throws ConfigError */
export async function readConfig(
  place: ConfigPlace,
  input: Omit<ConfigInput, 'file'>,
): Promise<{ readonly config: Config; readonly warnings: readonly string[] }> {
  const result = await loadConfig({ ...input, file: configFile(place) });
  if (!result.ok) throw new ConfigError(result.mistakes.join('\n'));
  return result;
}

function configFile({ path, isNamed }: ConfigPlace): ConfigInput['file'] {
  try {
    return { path, text: readFileSync(path, 'utf8') };
  } catch (cause) {
    if (!isNamed && cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`${path} cannot be read: ${why}`, { cause });
  }
}
