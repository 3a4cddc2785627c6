/** Scripts in ~/.local/bin that run a command of `iam-token` under the name that other programs expect. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemFiles } from '../../../files/file-system.ts';
import { createFolder, folderOf } from '../../../files/folders.ts';
import { writeFileAtomically } from '../../../files/write-file.ts';
import { shimMarker, programCandidates } from '../../../platform/program-candidates.ts';
import { type ProcessContext, requireHomeFolder } from '../../../platform/paths.ts';
import { isExecutable, isShim } from '../../../platform/process-context.ts';
import { closedInspectorOption } from '../../../platform/inspector-option.ts';
import { quoteShellWord } from '../../../shared/shell-quoting.ts';
import { addToPathCommand } from '../../add-to-path.ts';
import { printWarning } from '../../terminal/terminal.ts';
import { nativeTarget } from './native-link.ts';

export interface Shim {
  readonly name: string;
  readonly path: string;
  readonly text: string;
}

/** The command that each shim runs. */
const shimCommands = { 'docker-credential-iam-token': 'docker-credential', yc: 'yc' } as const;

/** Their paths by name; Windows has none. */
export function shimPaths(home: string): Readonly<Record<keyof typeof shimCommands, string>> {
  const pathOf = (name: string): string => join(home, '.local/bin', name);
  return { 'docker-credential-iam-token': pathOf('docker-credential-iam-token'), yc: pathOf('yc') };
}

/**
 * @param node path of the Node that runs them
 * @param client path of the client's program
 */
export function createShims(
  processContext: ProcessContext,
  node: string,
  client = join(__dirname, 'iam-token.js'),
): readonly Shim[] {
  const { platform } = processContext;
  // Windows does not run shell scripts.
  if (platform === 'win32') return [];
  const native = join(dirname(client), '../native', nativeTarget(platform), 'iam-token');
  const quote = (word: string): string => quoteShellWord(word, platform);
  return Object.entries(shimCommands).map(([name, command]) => {
    const path = shimPaths(requireHomeFolder(processContext))[name as keyof typeof shimCommands];
    const text = `#!/bin/sh
${shimMarker}
node=${quote(node)}
client=${quote(client)}
remedy=${quote(`install iam-tokend again, or: rm ${quote(path)}`)}
if [ -x "$node" ] && [ -e "$client" ]; then
${name === 'yc' ? '' : runNative(quote(native))}  exec "$node" ${closedInspectorOption} "$client" ${command} "$@"
fi
missing=$client
[ -x "$node" ] || missing=$node
${name === 'yc' ? ycFallback : dockerFallback}`;
    return { name, path, text };
  });
}

/** The native client may have to run Node, and docker may have another PATH than the shell that installed this. */
const runNative = (native: string): string => `  native=${native}
  if [ -x "$native" ]; then
    PATH=\${PATH:+$PATH:}\${node%/*}
    export PATH
    exec "$native" docker-credential "$@"
  fi
`;

/**
 * The package may be removed before `iam-token uninstall`, or its Node by an upgrade: programs then get the real yc. The
 * folders are those of `programCandidates`.
 */
const ycFallback = `set -f
IFS=:
for folder in $PATH "\${HOME:-}/yandex-cloud/bin" /usr/local/bin /opt/homebrew/bin; do
  case $folder in /*) ;; *) continue ;; esac
  program=$folder/yc
  if [ ! -f "$program" ] || [ ! -x "$program" ]; then continue; fi
  if head -c 256 "$program" | grep -qF '${shimMarker}'; then continue; fi
  echo "yc: warning: cannot find $missing; running $program" >&2
  echo "yc: hint: $remedy" >&2
  exec "$program" "$@"
done
echo "yc: error: cannot find $missing, and no other yc" >&2
echo "yc: hint: $remedy" >&2
exit 127
`;

/** docker shows what its helper prints on stdout. */
const dockerFallback = `echo "cannot find $missing; $remedy"
exit 1
`;

/**
 * Does not overwrite a file that is not a shim.
 * @param installOption of the `iam-token install` that writes it, after a space
 */
export async function writeShim(
  { path, name, text }: Shim,
  installOption: string,
  { platform, uid }: ProcessContext,
): Promise<void> {
  if (existsSync(path) && !isShim(path)) {
    const quotedPath = quoteShellWord(path, platform);
    const installCommand = `iam-token install${installOption}${name === 'yc' ? ' --yc' : ''}`;
    printWarning(
      `${path} belongs to another program and was left unchanged`,
      `mv ${quotedPath} ${quotedPath}.old && ${installCommand}`,
    );
    return;
  }
  const file = { path, name: `the program ${name}` };
  const fsContext = systemFiles(uid);
  await createFolder(folderOf(file), fsContext, 0o755);
  await writeFileAtomically(file, { bytes: Buffer.from(text), mode: 0o755 }, fsContext);
}

/** Warns if PATH does not lead to the shim. */
export function warnIfShadowed(name: keyof typeof shimCommands, processContext: ProcessContext): void {
  const firstMatch = programCandidates(name, processContext).find(isExecutable);
  if (firstMatch !== undefined && isShim(firstMatch)) return;
  printWarning(
    firstMatch === undefined
      ? `~/.local/bin/${name} is not in your PATH`
      : `${firstMatch} comes before ~/.local/bin/${name} in your PATH`,
    addToPathCommand(processContext.env),
  );
}
