import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findScheduleViolation } from '../../src/adapters/cron-schedule.ts';
import type { Config } from '../../src/config/config.ts';
import { ConfigError, type ConfigInput, readConfig } from '../../src/config/read-config.ts';
import { omitUndefined } from '../../src/shared/omit-undefined.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const nowMs = Date.UTC(2026, 10, 24, 12);

export interface ConfigFixtureInput extends Partial<
  Pick<ConfigInput, 'flags' | 'environment' | 'platform' | 'readText'>
> {
  readonly yaml?: string;
}

/** Reads configurations from a folder of the suite that calls this. */
export function useConfigFixture() {
  const folder = useTemporaryFolder();

  async function load({
    flags = {},
    environment = {},
    yaml,
    platform = 'linux',
    readText,
  }: ConfigFixtureInput): ReturnType<typeof readConfig> {
    const path = join(folder(), 'config.yaml');
    if (yaml !== undefined) writeFileSync(path, yaml);
    return readConfig(path, yaml !== undefined, {
      flags,
      environment,
      validateSchedule: (pattern) => findScheduleViolation(pattern, nowMs),
      platform,
      ...omitUndefined({ readText }),
    }).finally(() => rmSync(path, { force: true }));
  }

  async function configOf(input: ConfigFixtureInput): Promise<Config> {
    return (await load(input)).config;
  }

  /** `/c` stands for the folder. */
  async function violationsIn(input: ConfigFixtureInput): Promise<readonly string[]> {
    const error: unknown = await load(input).then(
      () => assert.fail('no violation was found'),
      (error: unknown) => error,
    );
    assert.ok(error instanceof ConfigError, String(error));
    return error.message.replaceAll(folder(), '/c').split('\n');
  }

  return { folder, load, configOf, violationsIn };
}
