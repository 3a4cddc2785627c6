/** Who may import what, each rule with its reason: "Layers" of ARCHITECTURE.md as data. */

export interface Layer {
  /** A file imports only from lower rows, or from its own folder. */
  readonly row: number;
  readonly folder: string;
  /** Folders of the same row that its files may import. */
  readonly mayImport?: readonly string[];
  /** The modules of Node that its files may import; any, where nothing stands. */
  readonly node?: { readonly only: readonly string[]; readonly reason: string };
}

const pureReason =
  'it takes data and returns data, so that a simulated year can test it and any platform can load it';

export const layers: readonly Layer[] = [
  { row: 0, folder: 'src/shared', node: { only: [], reason: pureReason } },
  { row: 1, folder: 'src/protocol', node: { only: [], reason: pureReason } },
  { row: 1, folder: 'src/token', node: { only: [], reason: pureReason } },
  {
    row: 1,
    folder: 'src/platform',
    node: { only: ['node:path'], reason: 'paths are pure functions, so that Linux can test Windows paths' },
  },
  { row: 1, folder: 'src/files', mayImport: ['src/platform'] },
  { row: 2, folder: 'src/config' },
  {
    row: 2,
    folder: 'src/client',
    node: {
      only: ['node:net', 'node:fs'],
      reason: 'other programs load this library, and `iam-token` must start in milliseconds',
    },
  },
  { row: 2, folder: 'src/sources' },
  { row: 2, folder: 'src/stores' },
  { row: 2, folder: 'src/adapters' },
  { row: 2, folder: 'src/http' },
  { row: 2, folder: 'src/service' },
  { row: 3, folder: 'src/daemon' },
  { row: 3, folder: 'src/cli' },
  { row: 4, folder: 'src/bin' },
];

export interface NodeException {
  readonly file: string;
  /** All that this file may import of Node. */
  readonly only: readonly string[];
  readonly reason: string;
}

/** Files that may use more of Node than the rest of their folder; one that uses less than it may is a finding. */
export const nodeExceptions: readonly NodeException[] = [
  {
    file: 'src/platform/process-context.ts',
    only: ['node:fs', 'node:os'],
    reason: 'the one file of its folder that looks at the running process, for the pure ones',
  },
  {
    file: 'src/protocol/challenge.ts',
    only: ['node:crypto'],
    reason: 'its types alone: the functions come in as arguments',
  },
  {
    file: 'src/client/authenticate-pipe.ts',
    only: ['node:fs', 'node:crypto'],
    reason: 'the challenge of a Windows pipe; node:crypto is loaded there and nowhere else',
  },
];

export const layerReason = 'what is below must be usable, testable and readable without what is above';

export interface PackageRule {
  readonly name: string;
  readonly importers: RegExp;
  /** At most this many files import it. */
  readonly maxImporters: number;
  readonly reason: string;
  /** Part of the bundles that `npm run build` makes: not loaded at run time, not installed with the package. */
  readonly isBundled?: true;
}

const oneAdapterReason = 'one file adapts it to a port of ours, so that replacing it touches nothing else';

/** A package that has no row here may not be imported at all. */
export const packages: readonly PackageRule[] = [
  { name: 'croner', importers: /^src\/adapters\//, maxImporters: 1, reason: oneAdapterReason },
  { name: 'node-ipc', importers: /^src\/adapters\//, maxImporters: 1, reason: oneAdapterReason },
  { name: 'koffi', importers: /^src\/adapters\//, maxImporters: 1, reason: oneAdapterReason },
  { name: 'winston', importers: /^src\/adapters\//, maxImporters: 1, reason: oneAdapterReason },
  { name: 'undici', importers: /^src\/(adapters|sources)\//, maxImporters: 1, reason: oneAdapterReason },
  { name: 'jose', importers: /^src\/sources\//, maxImporters: 1, reason: oneAdapterReason },
  {
    name: 'yaml',
    importers: /^src\/config\//,
    maxImporters: 2,
    reason:
      'one file reads the configuration with it and one adds to it, so that replacing it touches nothing else',
  },
  {
    name: 'keytar',
    importers: /^src\/stores\/keychain\/keytar-library\.ts$/,
    maxImporters: 1,
    reason: 'it can crash or hang its process, and throws at import where libsecret is missing',
  },
  {
    name: 'prom-client',
    importers: /^src\/adapters\/metrics\//,
    maxImporters: 1,
    reason: oneAdapterReason,
    isBundled: true,
  },
  {
    name: 'valibot',
    importers: /^src\/(protocol|config|sources|stores|daemon)\//,
    maxImporters: Infinity,
    reason: 'foreign data is checked once, where it comes in, and is a typed value from there on',
    isBundled: true,
  },
];

export interface ForbiddenImport {
  readonly importers: RegExp;
  readonly imported: RegExp;
  /** An `import type` is no harm. */
  readonly allowsTypeImports: boolean;
  readonly reason: string;
}

/** What the rows would allow. */
export const forbiddenImports: readonly ForbiddenImport[] = [
  {
    importers: /^src\/daemon\//,
    imported: /^src\/adapters\//,
    allowsTypeImports: true,
    reason: 'adapters come in as parameters: src/bin alone puts the parts together',
  },
  {
    importers: /^src\/client\//,
    imported: /^src\/protocol\/parse-request\.ts$/,
    allowsTypeImports: false,
    reason: 'it builds the schemas of all params when it is loaded: 1 ms of the start of `iam-token`',
  },
];

export interface PackageFreeEntry {
  readonly from: string;
  readonly reason: string;
}

/** Files from which static imports, direct or indirect, reach no package that is loaded at run time. */
export const packageFreeEntries: readonly PackageFreeEntry[] = [
  { from: 'src/bin/iam-token.ts', reason: 'the thin client loads no package on its way to a token' },
  { from: 'src/client/iam-token-client.ts', reason: 'other programs load this library' },
  { from: 'src/client/adapters.ts', reason: 'other programs load it, each with packages of its own' },
];

export interface ForbiddenWord {
  readonly name: string;
  readonly word: RegExp;
  readonly allowedIn: RegExp;
  readonly reason: string;
}

const clockReason = 'time and chance come in by `Clock`, so that a test can hold them';
const systemClockFile = /^src\/adapters\/system-clock\.ts$/;

export const forbiddenWords: readonly ForbiddenWord[] = [
  {
    name: 'Date.now',
    word: /\bDate\s*\.\s*now\b/,
    // A library for other programs has no clock of the daemon's.
    allowedIn: /^src\/(adapters\/system-clock|client\/deadline)\.ts$/,
    reason: clockReason,
  },
  {
    name: 'new Date()',
    word: /\bnew\s+Date\s*(?:\(\s*\)|(?!\s*\())/,
    allowedIn: systemClockFile,
    reason: clockReason,
  },
  {
    name: 'performance.now',
    word: /\bperformance\s*\.\s*now\b/,
    allowedIn: systemClockFile,
    reason: clockReason,
  },
  {
    name: 'process.hrtime',
    word: /\bprocess\s*\.\s*hrtime\b/,
    allowedIn: systemClockFile,
    reason: clockReason,
  },
  // A socket's own method of the same name is another thing.
  {
    name: 'setTimeout',
    word: /(?<!(?<!globalThis)\.)\bsetTimeout\b/,
    // A library for other programs has no clock of the daemon's.
    allowedIn: /^src\/(adapters\/system-clock\.ts$|client\/deadline\.ts$)/,
    reason: clockReason,
  },
  { name: 'setInterval', word: /\bsetInterval\b/, allowedIn: systemClockFile, reason: clockReason },
  {
    name: 'AbortSignal.timeout',
    // A library for other programs, and a program of its own, have no clock of the daemon's.
    word: /\bAbortSignal\s*\.\s*timeout\b/,
    allowedIn: /^src\/(adapters\/system-clock\.ts$|client\/|bin\/)/,
    reason: clockReason,
  },
  { name: 'Math.random', word: /\bMath\s*\.\s*random\b/, allowedIn: systemClockFile, reason: clockReason },
  {
    name: 'process.exit and process.exitCode',
    word: /\bprocess\s*\.\s*exit(?:Code)?\b/,
    allowedIn: /^src\/bin\//,
    reason: 'a program decides how it ends, its parts only tell it',
  },
  {
    name: 'process',
    word: /(?<![.\w])process\.\w/,
    allowedIn: /^src\/(platform\/process-context\.ts$|(?!(shared|protocol|token|platform)\/))/,
    reason: 'platform, environment and user come in as arguments, so that Linux can test Windows',
  },
  {
    name: 'a default export',
    word: /^export\s+default\b|^export\s*\{[^}]*\bas\s+default\b/m,
    allowedIn: /^$/,
    reason: 'one thing has one name, wherever it is used',
  },
];
