import { join } from 'node:path';
import { readRegistries } from '../../../config/single-settings.ts';
import { parseRegistry } from '../../../config/registries.ts';
import { userFolders } from '../../../platform/paths.ts';
import { errorMessage } from '../../../shared/error-utils.ts';
import { daemonHint } from '../../../shared/hint.ts';
import type { CommandContext, CommandDefinition } from '../../command.ts';
import { profileOption } from '../../parsing/options.ts';
import { escapeControlCharacters, formatJsonLine } from '../../terminal/escape.ts';
import { formatHintText } from '../../socket-line.ts';
import { print, printError, printNote } from '../../terminal/terminal.ts';
import { requestTokenFor } from '../../token-request.ts';

/**
 * Cloud Registry (yandex.cloud/en/docs/cloud-registry, November 2026), those that `yc container registry configure-docker`
 * configures, and that of Kazakhstan.
 */
const vendorRegistries = [
  'registry.yandexcloud.net',
  'registry.pe.yandexcloud.net',
  'cr.yandex',
  'cr.cloud.yandex.net',
  'container-registry.cloud.yandex.net',
  'cr.yandexcloud.kz',
];
/** The registry takes an IAM token as the password of this user (yandex.cloud/en/docs/container-registry/operations/authentication). */
const registryUserName = 'iam';
const maxRegistryLength = 1_024;
/** The secret that docker sends with `store` may be any JSON key file. */
const maxCredentialLength = 65_536;
/** docker-credential-helpers compares this text: docker then continues without credentials. */
const credentialsNotFoundMessage = 'credentials not found in native keychain';

export const dockerCredential: CommandDefinition = {
  name: 'docker-credential',
  summary: 'provide docker with registry credentials',
  description: 'Docker runs it as docker-credential-iam-token.',
  operand: { kind: 'choice', placeholder: 'ACTION', choices: ['get', 'store', 'erase', 'list'] },
  options: { profile: profileOption },
  examples: [
    'iam-token docker-credential list',
    'echo registry.yandexcloud.net | iam-token docker-credential get',
  ],
  run: runDockerCredential,
};

/**
 * The protocol of github.com/docker/docker-credential-helpers: input on stdin, a result or an error on stdout. Nothing is
 * stored: the daemon provides a token for each use. So `store` succeeds only for registries that take an IAM token, and `erase`
 * always.
 */
async function runDockerCredential(context: CommandContext): Promise<number | void> {
  switch (context.operand) {
    case 'get':
      return getDockerCredential(context);
    case 'list':
      return listRegistries(context);
    case 'store':
      return storeDockerCredential(context);
    default:
      await readStdin(0);
      printNote('nothing to erase: iam-tokend provides a token for each use');
  }
}

async function listRegistries(context: CommandContext): Promise<void> {
  const registries = [...vendorRegistries, ...(await readOwnRegistries(context))];
  print(formatJsonLine(Object.fromEntries(registries.map((registry) => [registry, registryUserName]))));
}

/** Whether the registry takes an IAM token. The configuration is read for unknown registries only. */
async function takesToken(host: string, context: CommandContext): Promise<boolean> {
  return vendorRegistries.includes(host) || (await readOwnRegistries(context)).includes(host);
}

/** Those of the user's `config.yaml`. */
async function readOwnRegistries(context: CommandContext): Promise<readonly string[]> {
  const { config } = userFolders(context.processContext);
  const registries = await readRegistries(join(config, 'config.yaml'));
  if (registries === null) {
    const hint = formatHintText(daemonHint('iam-token doctor'), context);
    printNote('config.yaml is not valid; its registries are ignored', hint);
  }
  return registries ?? [];
}

async function storeDockerCredential(context: CommandContext): Promise<number | void> {
  const registry = parseStoredRegistry(await readStdin(maxCredentialLength));
  if (registry === null) return reportUnstored('the input is not a docker credential');
  const host = parseRegistry(registry);
  if (host !== null && (await takesToken(host, context))) {
    return printNote(
      `nothing to store: iam-tokend provides a token for each use, as user ${registryUserName}`,
    );
  }
  return reportUnstored(
    `the password is not stored: ${host ?? 'the server'} does not take an IAM token`,
    'iam-token docker-credential list\nin ~/.docker/config.json, name iam-token under credHelpers for these, not as credsStore',
  );
}

/** The `ServerURL` of the input; the secret beside it is not kept. `null` if the input is not as docker writes it. */
function parseStoredRegistry(text: string): string | null {
  try {
    const { ServerURL: registry } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return typeof registry === 'string' ? registry.trim() : null;
  } catch {
    return null; // Not JSON, or `null`. The reason could quote the secret.
  }
}

/** Docker shows stdout if the exit code is not 0. */
function reportUnstored(message: string, hint?: string): number {
  print(message);
  printError(message, hint);
  return 1;
}

async function getDockerCredential(context: CommandContext): Promise<number | void> {
  const registry = (await readStdin(maxRegistryLength)).trim();
  const host = parseRegistry(registry);
  if (host === null || !(await takesToken(host, context))) {
    print(credentialsNotFoundMessage);
    printNote(`not a registry that takes an IAM token: "${registry}"`, 'iam-token docker-credential list');
    return 1;
  }
  try {
    const { token } = await requestTokenFor(context);
    print(formatJsonLine({ ServerURL: registry, Username: registryUserName, Secret: token }));
  } catch (error) {
    print(escapeControlCharacters(errorMessage(error)));
    throw error;
  }
}

/** Reads to the end, so that the writer does not get EPIPE; returns nothing if that is over `maxLength` characters. */
async function readStdin(maxLength: number): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8'))
    text = `${text}${chunk}`.slice(0, maxLength + 1);
  return text.length > maxLength ? '' : text;
}
