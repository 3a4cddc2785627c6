/** The packages that a person gets who installs this one, as the lockfile has them. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { root } from '../source-tree.ts';

export interface LockedPackage {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly optional?: boolean;
  readonly inBundle?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** Each package by its folder, `node_modules/…`; the project itself by the empty string. */
export type Lockfile = Readonly<Record<string, LockedPackage>>;

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(`${root}/${path}`, 'utf8'));
}

export const lockfile = (readJson('package-lock.json') as { readonly packages: Lockfile }).packages;

export const manifest = readJson('package.json') as {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly files: readonly string[];
  readonly man: readonly string[];
};

/** The folders of a package's whole tree of dependencies, itself left out. */
export function resolveDependencyTree(packages: Lockfile, folder: string): readonly string[] {
  const tree = new Set([folder]);
  for (const packagePath of tree) {
    const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } =
      packages[packagePath] ?? {};
    const peers = Object.keys(peerDependencies ?? {}).filter(
      (name) => peerDependenciesMeta?.[name]?.optional !== true,
    );
    for (const name of [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers]) {
      tree.add(resolvePackageFolder(packages, packagePath, name));
    }
  }
  tree.delete(folder);
  return [...tree];
}

/** Where Node finds `name` from within `from`: in the nearest `node_modules` upwards. */
export function resolvePackageFolder(packages: Lockfile, from: string, name: string): string {
  for (
    let folderPath = from;
    ;
    folderPath = folderPath.slice(0, Math.max(folderPath.lastIndexOf('/node_modules/'), 0))
  ) {
    const folder = `${folderPath === '' ? '' : `${folderPath}/`}node_modules/${name}`;
    if (packages[folder] !== undefined) return folder;
    if (folderPath === '') throw new Error(`${name}, which ${from} needs, is not in the lockfile`);
  }
}

/** Whether npm installs it on a machine of this kind. */
export function isSupportedOn({ os, cpu }: LockedPackage, platform: string, arch: string): boolean {
  return os?.includes(platform) !== false && cpu?.includes(arch) !== false;
}

export interface InstalledFile {
  readonly path: string;
  readonly bytes: number;
  text(): string;
}

/** The files of one package, those of packages nested in it left out; none if it is not for this platform. */
export function listInstalledFiles(folder: string): readonly InstalledFile[] {
  const isAbsent = statSync(`${root}/${folder}`, { throwIfNoEntry: false }) === undefined;
  if (isAbsent) return [];
  return readdirSync(`${root}/${folder}`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`)
    .filter((path) => !path.slice(`${root}/${folder}`.length).includes('/node_modules/'))
    .map((path) => ({ path, bytes: statSync(path).size, text: () => readFileSync(path, 'utf8') }));
}
