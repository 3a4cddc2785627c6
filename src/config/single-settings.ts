/** Settings that programs read without the rest of the configuration, which may be invalid. */
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { readText } from '../files/read-guarded-file.ts';
import { errorCode } from '../shared/error-utils.ts';
import { readSetting } from './parse-config-file.ts';
import { registriesSchema } from './registries.ts';
import { createStoreKeySchema } from './store-key-schema.ts';

/**
 * The `registries` of a configuration file.
 * @returns `null` if the file is not valid; the daemon and `doctor` name what is wrong
 */
export async function readRegistries(path: string): Promise<readonly string[] | null> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return []; // Few users have a configuration file.
  }
  try {
    return v.parse(v.nullish(registriesSchema, []), await readSetting(text, 'registries'));
  } catch {
    return null;
  }
}

/**
 * The key file of the file store.
 * @returns `null` if the configuration file names none; `unreadable` if it is not YAML or cannot be read
 */
export async function readKeyFileSetting(
  configPath: string,
  platform: NodeJS.Platform,
): Promise<{ readonly path: string } | 'unreadable' | null> {
  try {
    const setting = await readSetting(readText(configPath), 'file');
    const key = v.safeParse(createStoreKeySchema(platform), setting ?? {});
    return key.success && key.output.kind === 'key-file' ? { path: key.output.path } : null;
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? null : 'unreadable';
  }
}
