/** Command lines, environments and inputs, and whether the native client handles them. */
import type { HandledBy } from './answer-cases.ts';

export interface CallCase {
  readonly title: string;
  readonly handledBy: HandledBy;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

function native(...args: readonly string[]): CallCase {
  return { title: `iam-token ${args.join(' ')}`, handledBy: 'native', args };
}

function handedOver(...args: readonly string[]): CallCase {
  return { title: `iam-token ${args.join(' ').slice(0, 80)}`, handledBy: 'handed over', args };
}

function withEnv(handledBy: HandledBy, env: CallCase['env'] & {}, ...args: readonly string[]): CallCase {
  return { title: `${JSON.stringify(env)} ${args.join(' ')}`, handledBy, args, env };
}

function docker(handledBy: HandledBy, stdin: string, ...args: readonly string[]): CallCase {
  const title = `docker-credential get with ${JSON.stringify(stdin).slice(0, 60)}`;
  return { title, handledBy, args: ['docker-credential', 'get', ...args], stdin };
}

const commandLines: readonly CallCase[] = [
  native(),
  native('--format', 'text'),
  native('--format=json'),
  native('--format', 'header'),
  native('--format', 'none'),
  native('--format', 'text', '--format', 'json'),
  native('--profile', 'work'),
  native('--profile=работа №'.slice(0, -2)),
  native('--profile', 'a "b" c'),
  native('--profile', 'x'.repeat(64)),
  native('--min-ttl', '10m'),
  native('--min-ttl=0'),
  native('--min-ttl=007s', '--profile=work', '--timeout', '24h'),
  native('--min-ttl', '7h30m'),
  native('--min-ttl=1m500ms', '--timeout', '1d'),
  native('--no-user-output', '--format', 'json'),
  native('create-token'),
  native('create-token', '--format', 'json'),
  native('--format=yaml', 'create-token'),
  native('create-token', '--no-user-output', '--folder-id=b1g', '--cloud-id', 'x y', '--profile', 'work'),
  native('create-token', '--impersonate-service-account-id', 'aje_-9'),
  native('kubernetes-credential'),
  native('--profile', 'work', 'kubernetes-credential'),
  handedOver('--help'),
  handedOver('-h'),
  handedOver('-v'),
  handedOver('--version'),
  handedOver('version'),
  handedOver('nope'),
  handedOver(''),
  handedOver('-'),
  handedOver('--'),
  handedOver('--nope'),
  handedOver('--format'),
  handedOver('--format', 'xml'),
  handedOver('--format='),
  handedOver('--form=json'),
  handedOver('--profile', ''),
  handedOver('--profile', '--format'),
  handedOver('--profile=-x'),
  handedOver('--profile=a/b'),
  handedOver('--profile', ' work'),
  handedOver('--profile', 'work\t'),
  handedOver('--profile=work\u{a0}'),
  handedOver('--profile=\u{a0}'),
  handedOver('--profile', '   '),
  handedOver('--profile=__proto__'),
  handedOver('--profile', 'x'.repeat(65)),
  handedOver('--profile', 'ид日本'),
  handedOver('--min-ttl', '13h'),
  handedOver('--min-ttl', '1d'),
  handedOver('--min-ttl', '11h30'),
  handedOver('--min-ttl', '30m11h'),
  handedOver('--min-ttl', '1h1h'),
  handedOver('--min-ttl', 'h'),
  handedOver('--timeout=1d1ms'),
  handedOver('--min-ttl', '-1s'),
  handedOver('--min-ttl', '1234567890s'),
  handedOver('--min-ttl=9h'),
  handedOver('--timeout', '0'),
  handedOver('--timeout=25h'),
  handedOver('create-token', '--format', 'header'),
  handedOver('create-token', '--min-ttl', '1h'),
  handedOver('create-token', '--no-user-output=true'),
  handedOver('docker-credential', 'get', '--no-user-output'),
  handedOver('create-token', '--impersonate-service-account-id', 'a/b'),
  handedOver('create-token', 'extra'),
  handedOver('--folder-id', 'x'),
  handedOver('prompt', 'extra'),
  handedOver('prompt', '--format', 'json'),
  handedOver('docker-credential'),
  handedOver('docker-credential', 'list'),
  handedOver('docker-credential', 'erase'),
  handedOver('docker-credential', 'get', 'extra'),
  handedOver('status', '--json'),
  handedOver('help', 'nope'),
  handedOver('x'.repeat(100_000)),
  handedOver(...Array.from({ length: 20_000 }, () => 'a')),
];

const k8sInfo = (version: string, rest = ''): string =>
  `{"apiVersion":"client.authentication.k8s.io/${version}",\n"kind":"ExecCredential"${rest}}`;

const environments: readonly CallCase[] = [
  withEnv('native', { IAM_TOKEND_PROFILE: 'work' }),
  withEnv('native', { IAM_TOKEND_PROFILE: '' }),
  withEnv('native', { IAM_TOKEND_PROFILE: 'a/b' }, '--profile', 'work'),
  withEnv('handed over', { IAM_TOKEND_PROFILE: 'a/b' }),
  withEnv('handed over', { IAM_TOKEND_PROFILE: ' work ' }),
  withEnv('handed over', { IAM_TOKEND_PROFILE: ' ' }),
  withEnv('handed over', { IAM_TOKEND_PROFILE: 'x'.repeat(300) }),
  withEnv('native', { IAM_TOKEND_STORE: 'file', IAM_TOKEND_LOG_LEVEL: 'x', IAM_TOKEND_IAM_ENDPOINT: 'x' }),
  withEnv('handed over', { IAM_TOKEND_PROFIL: 'work' }),
  withEnv('handed over', { IAM_TOKEND_: '' }),
  withEnv('native', { KUBERNETES_EXEC_INFO: k8sInfo('v1') }, 'kubernetes-credential'),
  withEnv(
    'native',
    { KUBERNETES_EXEC_INFO: k8sInfo('v1beta1', ',"spec":{"cluster":{"x":[1]}}') },
    'kubernetes-credential',
  ),
  withEnv('native', { KUBERNETES_EXEC_INFO: '' }, 'kubernetes-credential'),
  withEnv('handed over', { KUBERNETES_EXEC_INFO: k8sInfo('v2') }, 'kubernetes-credential'),
  withEnv('handed over', { KUBERNETES_EXEC_INFO: '{"kind":"ExecCredential"' }, 'kubernetes-credential'),
  withEnv('handed over', { KUBERNETES_EXEC_INFO: 'null' }, 'kubernetes-credential'),
  withEnv('handed over', { KUBERNETES_EXEC_INFO: `{}${' '.repeat(70_000)}` }, 'kubernetes-credential'),
];

const dockerCalls: readonly CallCase[] = [
  docker('native', 'registry.yandexcloud.net'),
  docker('native', 'cr.yandex\n', '--profile', 'work'),
  docker('native', ' \t https://cr.yandexcloud.kz/v2/a-b.c_d \r\n'),
  docker('handed over', 'CR.yandex'),
  docker('handed over', 'cr.yandex:443'),
  docker('handed over', 'http://cr.yandex'),
  docker('handed over', 'cr.yandex.example.com'),
  docker('handed over', 'cr.yandex/a b'),
  docker('handed over', 'cr.yandex/"'),
  docker('handed over', ''),
  docker('handed over', 'cr.yandex\0'),
  docker('native', `cr.yandex/${'x'.repeat(1_014)}`),
  docker('handed over', `cr.yandex/${'x'.repeat(1_015)}`),
  docker('handed over', 'x'.repeat(1_000_000)),
];

export const callCases: readonly CallCase[] = [...commandLines, ...environments, ...dockerCalls];
