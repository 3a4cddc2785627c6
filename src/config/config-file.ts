import * as v from 'valibot';
import { durationMs } from '../shared/duration.ts';
import { endpointOf } from '../shared/endpoint.ts';
import { logLevels } from '../shared/log.ts';

/** What `config.yaml` may say; every key is optional. */
export type ConfigFile = v.InferOutput<typeof configFile>;

const endpoint = v.pipe(
  v.string(),
  v.transform(endpointOf),
  v.string('must be an https URL (http only for a loopback address)'),
);
const proxy = v.pipe(
  v.string(),
  v.regex(/^https?:\/\/[^/\s]+\/?$/, 'must be the URL of a proxy, like http://proxy:3128'),
);
const path = v.pipe(v.string(), v.regex(/^\//, 'must be an absolute path'));
const timeout = v.pipe(
  v.string(),
  v.transform(durationMs),
  v.number('must be a time, like 8s'),
  v.minValue(100, 'must be at least 100ms'),
  v.maxValue(60_000, 'must be at most 60s'),
);

const configFile = v.strictObject({
  store: v.optional(v.picklist(['keychain', 'memory'])),
  log: v.optional(v.strictObject({ level: v.optional(v.picklist(logLevels)) })),
  refresh: v.optional(v.strictObject({ schedule: v.optional(v.string()), spread: v.optional(v.boolean()) })),
  iam: v.optional(
    v.strictObject({
      endpoint: v.optional(endpoint),
      audience: v.optional(v.pipe(v.string(), v.minLength(1))),
      timeout: v.optional(timeout),
    }),
  ),
  network: v.optional(v.strictObject({ proxy: v.optional(proxy), caFile: v.optional(path) })),
});

/** Something wrong in a file, and where. */
export interface Mistake {
  readonly line: number;
  readonly message: string;
}

export type ConfigFileResult =
  | { readonly ok: true; readonly file: ConfigFile; readonly lineOf: (...path: readonly string[]) => number }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

/** Reads the whole of it, and finds all mistakes at once. */
export async function parseConfigFile(text: string): Promise<ConfigFileResult> {
  // 26 ms to load, and most people have no such file.
  const { isNode, LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, stringKeys: true });
  const lineOf = (...path: readonly unknown[]): number => {
    for (let depth = path.length; depth > 0; depth--) {
      const found = document.getIn(path.slice(0, depth), true);
      if (isNode(found) && found.range) return lines.linePos(found.range[0]).line;
    }
    return 1;
  };
  if (document.errors.length > 0) {
    return {
      ok: false,
      mistakes: document.errors.map(({ message, linePos }) => ({
        line: linePos?.[0].line ?? 1,
        message: message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? 'not YAML',
      })),
    };
  }
  const checked = v.safeParse(configFile, document.toJS() ?? {});
  if (checked.success) return { ok: true, file: checked.output, lineOf };
  return { ok: false, mistakes: checked.issues.map(mistake).toSorted((a, b) => a.line - b.line) };

  function mistake(issue: v.BaseIssue<unknown>): Mistake {
    const path = (issue.path ?? []).map(({ key }) => key);
    const name = path.join('.');
    const unknown = issue.type === 'strict_object' && issue.expected === 'never';
    return {
      line: lineOf(...path),
      message: unknown ? `${name}: there is no such key` : `${name}: ${said(issue)}`,
    };
  }
}

function said(issue: v.BaseIssue<unknown>): string {
  const own = !issue.message.startsWith('Invalid ');
  return own ? issue.message : `must be ${issue.expected ?? 'something else'}, not ${issue.received}`;
}
