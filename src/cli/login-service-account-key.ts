import { usageError } from './endings.ts';
import type { LoginKind } from './login-kind.ts';
import { readSecretFile } from './secret-file.ts';
import { readAllOfStdin } from './secret-prompt.ts';
import { shellWord } from './shell-word.ts';
import { isTerminal, note } from './terminal.ts';

const option = 'service-account-key';

/** The client reads the file, for the daemon may not see it; what is in it, the daemon judges. */
export const serviceAccountKey: LoginKind = {
  name: 'service-account-key',
  option,
  ownOptions: [],
  waitsFor: 'Yandex Cloud',

  check({ options }) {
    if (options.text(option) !== '-' || !isTerminal('stdin')) return;
    throw usageError(
      'a terminal would show the key',
      `name its file: iam-token login --${option} FILE; or pipe it in`,
    );
  },

  async read({ options, surroundings }) {
    const path = options.text(option) ?? '-';
    return { secret: path === '-' ? await readAllOfStdin() : readSecretFile(path, surroundings.platform) };
  },

  afterwards({ options, surroundings }, storeKind) {
    const path = options.text(option) ?? '-';
    if (path === '-') return;
    const word = shellWord(path, surroundings.platform);
    if (storeKind === 'memory') {
      note(`keep ${path}: the daemon has the key in memory alone, and forgets it when it ends`);
    } else {
      note(`${path} is not needed any more`, `${surroundings.platform === 'win32' ? 'del' : 'rm'} ${word}`);
    }
  },
};
