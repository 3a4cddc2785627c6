import { isIPv4 } from 'node:net';
import * as v from 'valibot';
import { durationMs } from '../shared/duration.ts';
import { endpointOf } from '../shared/endpoint.ts';
import { logLevels } from '../shared/log.ts';
import { storeKinds } from './config.ts';
import { fileKey } from './file-key.ts';
import { proxyForm, proxyPattern } from './proxy-form.ts';

/** What `config.yaml` may say; every key is optional. */
export type ConfigFile = v.InferOutput<ReturnType<typeof configFile>>;

/** What is wrong with a value that only others can judge, or `null`. */
export interface Faults {
  /** Of a cron pattern. */
  readonly schedule: (pattern: string) => string | null;
  /** Of a file of certificates. */
  readonly caFile: (path: string) => string | null;
}

const endpoint = v.pipe(
  v.string(),
  v.transform(endpointOf),
  v.string('must be an https URL (http only for a loopback address)'),
);
const proxy = v.pipe(v.string(), v.regex(proxyPattern, proxyForm));
const path = v.pipe(v.string(), v.regex(/^\//, 'must be an absolute path'));
const noTime = 'must be a time, like 8s';
const timeout = v.pipe(
  v.string(noTime),
  v.transform(durationMs),
  v.number(noTime),
  v.minValue(100, 'must be at least 100ms'),
  v.maxValue(60_000, 'must be at most 60s'),
);

const noListen = 'must be a loopback address and a port, like "127.0.0.1:8099"';
const listen = v.pipe(
  v.string(noListen),
  v.transform(loopbackAddress),
  v.custom<NonNullable<ReturnType<typeof loopbackAddress>>>((value) => value !== null, noListen),
);

/** By number: what a name stands for can change. */
function loopbackAddress(text: string): { readonly host: string; readonly port: number } | null {
  const { v4, port } = /^(?:(?<v4>127\.[\d.]+)|\[::1\]):(?<port>\d{1,5})$/.exec(text)?.groups ?? {};
  if ((v4 !== undefined && !isIPv4(v4)) || !(Number(port) <= 65_535)) return null;
  return { host: v4 ?? '::1', port: Number(port) };
}

function judged(faultOf: (value: string) => string | null) {
  return v.rawCheck<string>(({ dataset, addIssue }) => {
    const fault = dataset.typed && dataset.issues === undefined ? faultOf(dataset.value) : null;
    if (fault !== null) addIssue({ message: fault });
  });
}

function configFile(faults: Faults) {
  const schedule = v.pipe(v.string(), judged(faults.schedule));
  const caFile = v.pipe(path, judged(faults.caFile));
  return v.strictObject({
    store: v.optional(v.picklist(storeKinds)),
    file: v.optional(fileKey),
    log: v.optional(v.strictObject({ level: v.optional(v.picklist(logLevels)) })),
    refresh: v.optional(v.strictObject({ schedule: v.optional(schedule), spread: v.optional(v.boolean()) })),
    iam: v.optional(
      v.strictObject({
        endpoint: v.optional(endpoint),
        audience: v.optional(v.pipe(v.string(), v.minLength(1, 'must not be empty'))),
        timeout: v.optional(timeout),
      }),
    ),
    network: v.optional(v.strictObject({ proxy: v.optional(proxy), caFile: v.optional(caFile) })),
    http: v.optional(v.strictObject({ socket: v.optional(v.boolean()) })),
    metadata: v.optional(
      v.strictObject({ listen: v.optional(listen), allowAnyLocalUser: v.optional(v.boolean()) }),
    ),
  });
}

/** Something wrong in a file, and where. */
export interface Mistake {
  readonly line: number;
  readonly message: string;
}

export type ConfigFileResult =
  | { readonly ok: true; readonly file: ConfigFile }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

/** Reads the whole of it, and finds all mistakes at once. */
export async function parseConfigFile(text: string, faults: Faults): Promise<ConfigFileResult> {
  // 26 ms to load, and most people have no such file.
  const { isMap, isScalar, LineCounter, parseDocument, visit } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, stringKeys: true });
  const mistakes: Mistake[] = document.errors.map(({ message, linePos }) => ({
    line: linePos?.[0].line ?? 1,
    message: message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? 'not YAML',
  }));
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) !== undefined) return;
      const message = `*${alias.source}: quote what begins with an asterisk`;
      mistakes.push({ line: lines.linePos(alias.range?.[0] ?? 0).line, message });
    },
  });
  const root = document.contents;
  const isEmpty = root === null || (isScalar(root) && root.value === null);
  if (mistakes.length === 0 && !isEmpty && !isMap(root)) {
    mistakes.push({ line: 1, message: 'must be keys and values, like "store: keychain"' });
  }
  if (mistakes.length > 0) return { ok: false, mistakes: oncePerLine(mistakes) };

  const { output, issues } = checked(configFile(faults), document.toJS() ?? {});
  if (issues.length === 0) return { ok: true, file: output };
  return { ok: false, mistakes: issues.map(mistakeOf).toSorted((a, b) => a.line - b.line) };

  function mistakeOf(issue: v.BaseIssue<unknown>): Mistake {
    const keys = keysOf(issue);
    const message = isUnknownKey(issue) ? 'there is no such key' : said(issue);
    return { line: lineOf(keys), message: `${keys.join('.')}: ${message}` };
  }

  /** Of the last key that is there. */
  function lineOf(keys: readonly unknown[]): number {
    let node: unknown = root;
    let offset = 0;
    for (const key of keys) {
      if (!isMap(node)) break;
      const pair = node.items.find(({ key: name }) => isScalar(name) && name.value === key);
      if (!isScalar(pair?.key)) break;
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    }
    return lines.linePos(offset).line;
  }
}

/** valibot names one unknown key of an object and no further: without that key it is asked again. */
function checked(
  schema: ReturnType<typeof configFile>,
  given: unknown,
): { readonly output: ConfigFile; readonly issues: readonly v.BaseIssue<unknown>[] } {
  const result = v.safeParse(schema, given);
  const unknown = result.success ? [] : result.issues.filter(isUnknownKey);
  if (unknown.length === 0) return { output: result.output as ConfigFile, issues: result.issues ?? [] };
  for (const { path } of unknown) {
    const last = path?.at(-1);
    if (last !== undefined) Reflect.deleteProperty(last.input as object, last.key as string);
  }
  const rest = checked(schema, given);
  return { ...rest, issues: [...unknown, ...rest.issues] };
}

function keysOf({ path }: v.BaseIssue<unknown>): readonly unknown[] {
  return (path ?? []).map(({ key }) => key);
}

function isUnknownKey({ type, expected }: v.BaseIssue<unknown>): boolean {
  return type === 'strict_object' && expected === 'never';
}

/** What follows from one mistake is said once. */
function oncePerLine(mistakes: readonly Mistake[]): readonly Mistake[] {
  return mistakes.filter(
    ({ line, message }, at) =>
      mistakes.findIndex((other) => other.line === line && other.message === message) === at,
  );
}

function said(issue: v.BaseIssue<unknown>): string {
  const own = !issue.message.startsWith('Invalid ');
  return own ? issue.message : `must be ${issue.expected ?? 'something else'}, not ${issue.received}`;
}
