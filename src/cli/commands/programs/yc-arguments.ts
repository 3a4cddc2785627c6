import { parseArgs } from 'node:util';
import { isProfileName } from '../../../protocol/limits.ts';

/** The flags of yc that the commands handled here accept (yandex.cloud/en/docs/cli/cli-ref, November 2026). */
const ycOptions = {
  profile: { type: 'string' },
  'impersonate-service-account-id': { type: 'string' },
  'cloud-id': { type: 'string' },
  'folder-id': { type: 'string' },
  'folder-name': { type: 'string' },
  format: { type: 'string' },
  retry: { type: 'string' },
  'no-user-output': { type: 'boolean' },
  'no-browser': { type: 'boolean' },
  debug: { type: 'boolean' },
} as const;

export interface YcArguments {
  readonly positionals: readonly string[];
  readonly knownFlags: ReadonlyMap<string, string>;
  readonly hasOnlyKnownFlags: boolean;
  readonly hasTokenFlag: boolean;
}

export function parseYcArguments(args: readonly string[]): YcArguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: ycOptions,
    strict: false,
    allowPositionals: true,
  });
  const knownEntries = Object.entries(values).filter(([name, value]) => isKnownFlag(name, value));
  return {
    positionals,
    knownFlags: new Map(knownEntries.map(([name, value]) => [name, value === true ? '' : String(value)])),
    hasOnlyKnownFlags: knownEntries.length === Object.keys(values).length,
    hasTokenFlag: Object.hasOwn(values, 'token'),
  };
}

function isKnownFlag(name: string, value: unknown): boolean {
  const option = Object.entries(ycOptions).find(([optionName]) => optionName === name);
  if (typeof value !== option?.[1].type) return false;
  if (name === 'format') return ['text', 'json', 'yaml'].includes(String(value));
  return name !== 'profile' || isProfileName(String(value));
}
