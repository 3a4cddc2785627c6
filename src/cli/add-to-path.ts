import { posix } from 'node:path';

/** A command that puts ~/.local/bin first in PATH, for the user's shell, now and in later sessions. */
export function addToPathCommand({
  SHELL: shell = '',
}: Readonly<Record<string, string | undefined>>): string {
  switch (posix.basename(shell)) {
    case 'fish':
      return 'fish_add_path ~/.local/bin';
    case 'zsh':
      return formatAppendCommand('~/.zshrc');
    case 'bash':
      return formatAppendCommand('~/.bashrc');
    default:
      return formatAppendCommand('~/.profile');
  }
}

/** The line is also executed now. */
function formatAppendCommand(file: string): string {
  return `echo 'export PATH="$HOME/.local/bin:$PATH"' >> ${file} && . ${file}`;
}
