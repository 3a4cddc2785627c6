/** Answers programs of others, each by the protocol that it has for such as us. */
import * as methods from '../protocol/methods.ts';
import { isoTime } from '../shared/clock.ts';
import { messageOf } from '../shared/thrown.ts';
import { expiryMarginMs } from '../token/iam-token.ts';
import { ask, type Call, type Command, profileOf } from './command.ts';
import { usageError } from './endings.ts';
import { note, print, waiting } from './terminal.ts';
import { tokenFor } from './token.ts';
import { jsonLine, visible } from './visible.ts';

/** Answers the tools of AWS (docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html). */
export const awsCredentialProcess: Command = async (call) => {
  const keys = await waiting('keys of Object Storage', ask(call, methods.awsCredentials, profileOf(call)));
  print(
    jsonLine({
      Version: 1,
      AccessKeyId: keys.accessKeyId,
      SecretAccessKey: keys.secretAccessKey,
      SessionToken: keys.sessionToken,
      Expiration: keys.expiresAt,
    }),
  );
};

const execVersions = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'] as const;

/**
 * Answers kubectl, and whatever else runs exec plugins (kubernetes.io/docs/reference/access-authn-authz/authentication).
 * A minute is kept back: the client for JavaScript keeps a token to the last moment that it is told of, by its own clock.
 */
export const kubernetesCredential: Command = async (call) => {
  const apiVersion = wantedVersion(call.surroundings.env['KUBERNETES_EXEC_INFO'] ?? '');
  const { token, expiresAt, clockOffsetMs = 0 } = await tokenFor(call);
  const expirationTimestamp = isoTime(Date.parse(expiresAt) - clockOffsetMs - expiryMarginMs);
  print(jsonLine({ apiVersion, kind: 'ExecCredential', status: { token, expirationTimestamp } }));
};

/**
 * The version that the caller speaks; v1beta1 for one that does not say, as yc has it.
 * @throws IamTokenError `bad_request`
 */
function wantedVersion(info: string): (typeof execVersions)[number] {
  if (info === '') return execVersions[1];
  const asked = apiVersionIn(info);
  if (asked === null) throw usageError('KUBERNETES_EXEC_INFO is not the JSON that Kubernetes puts there');
  const version = execVersions.find((known) => known === asked);
  if (version !== undefined) return version;
  throw usageError(
    `KUBERNETES_EXEC_INFO asks for ${asked}, which is not known here`,
    `have apiVersion ${execVersions[0]} in the user's exec section of the kubeconfig`,
  );
}

function apiVersionIn(info: string): string | null {
  try {
    const { apiVersion, kind } = JSON.parse(info) as Readonly<Record<string, unknown>>;
    return kind === 'ExecCredential' && typeof apiVersion === 'string' ? apiVersion : null;
  } catch {
    return null; // No JSON, or `null`.
  }
}

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
