import { messageOf } from '../shared/thrown.ts';
import type { Call, Command } from './command.ts';
import { note, print } from './terminal.ts';
import { tokenFor } from './token.ts';
import { jsonLine, visible } from './visible.ts';

/** As `yc container registry configure-docker` writes them, and that of Kazakhstan (November 2026). */
const registries = [
  'cr.yandex',
  'cr.cloud.yandex.net',
  'container-registry.cloud.yandex.net',
  'cr.yandexcloud.kz',
];
/** The registry takes an IAM token as the password of this user (yandex.cloud/en/docs/container-registry/operations/authentication). */
const userName = 'iam';
const registryAtMostCharacters = 1_024;
/** What docker-credential-helpers looks for, word by word: docker then goes on without credentials. */
const notFound = 'credentials not found in native keychain';

/**
 * The protocol of github.com/docker/docker-credential-helpers: one line on stdin, an answer or a reason on stdout.
 * `store` and `erase` do nothing, and say so: the daemon has the credential.
 */
export const dockerCredential: Command = async (call) => {
  switch (call.operand) {
    case 'get':
      return get(call);
    case 'list':
      return print(jsonLine(Object.fromEntries(registries.map((registry) => [registry, userName]))));
    default:
      await readStdin(0);
      note(`nothing to ${call.operand}: the daemon keeps the credential, and gives a token for each use`);
  }
};

async function get(call: Call): Promise<number | void> {
  const registry = (await readStdin(registryAtMostCharacters)).trim();
  if (!registries.includes(hostOf(registry))) {
    print(notFound);
    note(
      'there are credentials for the registries of Yandex Cloud alone',
      'iam-token docker-credential list',
    );
    return 1;
  }
  try {
    const { token } = await tokenFor(call);
    print(jsonLine({ ServerURL: registry, Username: userName, Secret: token }));
  } catch (error) {
    print(visible(messageOf(error)));
    throw error;
  }
}

/** Of `cr.yandex`, `https://cr.yandex` and `https://cr.yandex/v1/`. */
function hostOf(registry: string): string {
  return /^(?:https:\/\/)?([\w.-]+)(?:\/[\w./-]*)?$/.exec(registry)?.[1] ?? '';
}

/** All of it is read, or whoever writes it would fail; of more than `atMost` characters nothing is given back. */
async function readStdin(atMost: number): Promise<string> {
  let text = '';
  for await (const piece of process.stdin.setEncoding('utf8')) text = `${text}${piece}`.slice(0, atMost + 1);
  return text.length > atMost ? '' : text;
}
