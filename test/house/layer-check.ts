import { isBuiltin } from 'node:module';
import type { Finding } from './findings.ts';
import {
  forbiddenImports,
  forbiddenWords,
  layerReason,
  layers,
  type NodeException,
  nodeExceptions,
  packages,
  withoutPackages,
} from './layer-rules.ts';
import type { Import, SourceFile } from './source-tree.ts';

type Check = (files: readonly SourceFile[]) => readonly Finding[];

const layerOf = (path: string) => layers.find(({ folder }) => path.startsWith(`${folder}/`));

function eachImport(
  files: readonly SourceFile[],
  judge: (file: SourceFile, imported: Import) => Finding | null,
): readonly Finding[] {
  return files.flatMap((file) => file.imports.map((imported) => judge(file, imported))).filter(isFinding);
}

function isFinding(finding: Finding | null): finding is Finding {
  return finding !== null;
}

export const foldersWithoutRow: Check = (files) =>
  files
    .filter(({ path }) => layerOf(path) === undefined)
    .map(({ path }) => `${path}: its folder has no row in the table of layers; add one, with a reason`);

export const importsOfHigherRows: Check = (files) =>
  eachImport(files, ({ path }, { file }) => {
    if (file === null) return null;
    if (file === 'package.json' && path.startsWith('src/bin/')) return null;
    const from = layerOf(path);
    const to = layerOf(file);
    if (to === undefined) return `${path}: imports ${file}, which is outside the layers: ${layerReason}`;
    if (from === undefined || from === to || to.row < from.row) return null;
    return `${path}: row ${from.row} imports ${file} of row ${to.row}; only lower rows and its own folder are allowed: ${layerReason}`;
  });

export const importsOfNothing: Check = (files) => {
  const paths = new Set(files.map(({ path }) => path));
  return eachImport(files, ({ path }, { specifier, file }) => {
    if (specifier === null) {
      return `${path}: imports by a computed name: it hides what the file needs from this test and from the bundler`;
    }
    return file === null || !file.startsWith('src/') || paths.has(file)
      ? null
      : `${path}: imports ${file}, which is not there (names end in .ts)`;
  });
};

export const forbidden: Check = (files) =>
  eachImport(files, ({ path }, { file, typeOnly }) => {
    const rule = forbiddenImports.find(
      ({ importers, imported, typesAllowed }) =>
        file !== null && importers.test(path) && imported.test(file) && !(typesAllowed && typeOnly),
    );
    return rule === undefined ? null : `${path}: imports ${file}: ${rule.reason}`;
  });

export function nodeModules(
  files: readonly SourceFile[],
  exceptions: readonly NodeException[] = nodeExceptions,
): readonly Finding[] {
  const judge = ({ path }: SourceFile, { specifier }: Import): Finding | null => {
    if (specifier === null || !isBuiltin(specifier)) return null;
    if (!specifier.startsWith('node:')) {
      return `${path}: imports ${specifier} without "node:": a package could have that name`;
    }
    if (/^node:(timers|perf_hooks)/.test(specifier) && path !== 'src/adapters/system-clock.ts') {
      return `${path}: imports ${specifier}: time comes in by \`Clock\`, so that a test can hold it`;
    }
    const allowed = exceptions.find(({ file }) => file === path) ?? layerOf(path)?.node;
    if (allowed === undefined || allowed.only.includes(specifier)) return null;
    return `${path}: imports ${specifier}, and may import ${allowed.only.join(', ') || 'nothing'} of Node: ${allowed.reason}`;
  };
  const stale = exceptions.flatMap(({ file, only }) => {
    const imports = files.find(({ path }) => path === file)?.imports ?? [];
    return only
      .filter((name) => !imports.some(({ specifier }) => specifier === name))
      .map((name) => `${file}: may import ${name} as an exception, and does not: take the exception back`);
  });
  return [...eachImport(files, judge), ...stale];
}

/** The package that an import loads; `null` where it loads none. */
function packageOf({ specifier, file }: Import): string | null {
  if (specifier === null || file !== null || isBuiltin(specifier)) return null;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

export const packageImporters: Check = (files) => {
  const misplaced = eachImport(files, ({ path }, imported) => {
    const name = packageOf(imported);
    if (name === null) return null;
    const rule = packages.find((row) => row.name === name);
    if (rule === undefined) {
      return `${path}: imports ${name}, which has no row in the table of packages; add one, with a reason`;
    }
    return rule.importers.test(path)
      ? null
      : `${path}: imports ${name}, allowed in ${rule.importers.source}: ${rule.reason}`;
  });
  const crowded = packages.flatMap(({ name, atMost, reason }) => {
    const importers = files.filter(({ imports }) => imports.some((each) => packageOf(each) === name));
    const paths = importers.map(({ path }) => path).join(', ');
    return importers.length > atMost
      ? [`${paths}: ${importers.length} files import ${name}, ${atMost} may: ${reason}`]
      : [];
  });
  return [...misplaced, ...crowded];
};

export const reachedPackages: Check = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  return withoutPackages.flatMap(({ from, reason }) => {
    const findings: Finding[] = [];
    const ways = new Map([[from, from]]);
    for (const [path, way] of ways) {
      for (const imported of byPath.get(path)?.imports ?? []) {
        if (imported.typeOnly || imported.dynamic) continue;
        const name = packageOf(imported);
        if (name !== null) findings.push(`${way} > ${name}: loads a package: ${reason}`);
        if (imported.file !== null && !ways.has(imported.file)) {
          ways.set(imported.file, `${way} > ${imported.file}`);
        }
      }
    }
    return findings;
  });
};

/** Types count: two files that need each other's are one thing, or lack a third. */
export const cycles: Check = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const done = new Set<string>();
  const findings: Finding[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path);
    if (start !== -1) {
      findings.push(
        `${[...way.slice(start), path].join(' > ')}: a cycle: none of these can be read or tested alone`,
      );
      return;
    }
    if (done.has(path)) return;
    for (const { file } of byPath.get(path)?.imports ?? []) if (file !== null) visit(file, [...way, path]);
    done.add(path);
  };
  for (const { path } of files) visit(path, []);
  return findings;
};

export const words: Check = (files) =>
  files.flatMap(({ path, code }) =>
    forbiddenWords
      .filter(({ word, allowedIn }) => !allowedIn.test(path) && word.test(code))
      .map(({ name, reason }) => `${path}: has ${name}: ${reason}`),
  );
