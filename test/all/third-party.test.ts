import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';
import {
  makeWorkplace,
  nodeWorker,
  thirdPartyPackage,
  type Worker,
  type Workplace,
} from '../support/third-party.ts';
import { startGrpcService, startHttpService, type TokenService } from '../support/token-services.ts';
import { root } from '../house/source-tree.ts';
import { tlsCertificate } from '../support/tls-fixture.ts';

/** Ten seconds of it are served: a token counts as expired 60 s before its end. */
const lifetimeMs = 70_000;
const paceMs = 1_000;
const json = 'application/json';

interface Player {
  readonly service: TokenService;
  readonly worker: Worker;
  /** What it said, each time. */
  readonly said: string[];
}

/** What is used of `ydb-sdk-proto`. */
interface YdbMessages {
  readonly Ydb: Record<string, Record<string, { encode(message: object): { finish(): Uint8Array } }>>;
}

describe('programs of others that live longer than their first token', function () {
  this.timeout(180_000);
  let house: RunningHouse;
  let workplace: Workplace;
  const players = new Map<string, Player>();

  /** As any service of the cloud would. */
  async function isLiving(token: string): Promise<boolean> {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${house.emulator.url}/resource-manager/v1/clouds`, { headers })).ok;
  }

  function play(
    name: string,
    service: TokenService,
    lines: string,
    more: Readonly<Record<string, string>> = {},
  ): void {
    const environment = {
      ...house.environment,
      PATH: `${workplace.bin}:${house.environment['PATH']}`,
      ...more,
    };
    const worker = nodeWorker(workplace, name, lines, [String(service.port)], environment);
    players.set(name, { service, worker, said: [] });
  }

  /** Works at a steady pace until the first token is dead, and it has another one. */
  async function playToTheEnd({ service, worker, said }: Player): Promise<void> {
    const endMs = performance.now() + 2 * lifetimeMs;
    do {
      said.push(await worker.work());
      await delay(paceMs);
      const first = service.accepted[0];
      if (first === undefined || (!(await isLiving(first)) && service.accepted.at(-1) !== first)) return;
    } while (worker.isAlive() && performance.now() < endMs);
  }

  before(async () => {
    const config = 'metadata: { listen: "127.0.0.1:0" }\n';
    house = await startHouse({ store: 'memory', lifetimeMs, config });
    await house.startDaemon();
    await house.iamToken(['login', '--stdin'], oauthToken);
    workplace = makeWorkplace();
    workplace.write({ 'ca.pem': tlsCertificate });

    const list = (): { type: string; body: string } => ({
      type: json,
      body: '{"object":"list","data":[],"items":[]}',
    });
    const clouds = { '/yandex.cloud.resourcemanager.v1.CloudService/List': () => new Uint8Array() };

    play(
      'fetch',
      await startHttpService({ judge: isLiving, answer: list }),
      `import { fetchWithIamToken } from 'iam-tokend/adapters';
      const fetch = fetchWithIamToken();
      const work = async () => {
        const { status } = await fetch('http://127.0.0.1:' + process.argv[2]);
        if (status !== 200) throw new Error(status);
      };`,
    );
    play(
      'openai',
      await startHttpService({ judge: isLiving, answer: list }),
      `import OpenAI from 'openai';
      import { iamTokenCache } from 'iam-tokend/client';
      const baseURL = 'http://127.0.0.1:' + process.argv[2];
      const openai = new OpenAI({ apiKey: iamTokenCache().getToken, baseURL, maxRetries: 0 });
      const work = () => openai.models.list();`,
    );
    play(
      'nodejs-sdk',
      await startGrpcService(isLiving, clouds, 'authorization'),
      `import { readFileSync } from 'node:fs';
      import { Session } from '@yandex-cloud/nodejs-sdk';
      import { cloudService } from '@yandex-cloud/nodejs-sdk/resourcemanager-v1';
      import { nodejsSdkSession } from 'iam-tokend/adapters';
      const session = new Session({ ...nodejsSdkSession(), ssl: { rootCerts: readFileSync('ca.pem') } });
      const clouds = session.client(cloudService.CloudServiceClient, 'localhost:' + process.argv[2]);
      const work = () => clouds.list(cloudService.ListCloudsRequest.fromPartial({}));`,
    );
    play(
      'grpc-js',
      await startGrpcService(isLiving, clouds, 'authorization'),
      `import { readFileSync } from 'node:fs';
      import * as grpc from '@grpc/grpc-js';
      import { grpcCallCredentials } from 'iam-tokend/adapters';
      const tls = grpc.credentials.createSsl(readFileSync('ca.pem'));
      const credentials = grpc.credentials.combineChannelCredentials(tls, grpcCallCredentials(grpc));
      const client = new grpc.Client('localhost:' + process.argv[2], credentials);
      const same = (bytes) => bytes;
      const path = '/yandex.cloud.resourcemanager.v1.CloudService/List';
      const work = () => new Promise((resolve, reject) => client.makeUnaryRequest(path, same, same, Buffer.alloc(0),
        (error, answer) => (error ? reject(error) : resolve(answer))));`,
    );
    play(
      'ydb-sdk',
      await startGrpcService(isLiving, ydbAnswers(), 'x-ydb-auth-ticket'),
      `import ydb from 'ydb-sdk';
      import { ydbAuthService } from 'iam-tokend/adapters';
      const { Driver, TokenAuthService } = ydb;
      const connectionString = 'grpc://127.0.0.1:' + process.argv[2] + '/local';
      const driver = new Driver({ connectionString, authService: ydbAuthService(TokenAuthService) });
      const work = () => driver.schemeClient.listDirectory('/local');`,
    );
    workplace.write({ 'aws-config': '[default]\ncredential_process = iam-token aws-credential-process\n' });
    play(
      'client-s3',
      await startHttpService({
        judge: isLiving,
        tokenOf: ({ headers }) => String(headers['x-amz-security-token']).replace(/^s1\./, ''),
        answer: () => ({ type: 'application/xml', body: '<ListAllMyBucketsResult/>' }),
      }),
      `import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
      const s3 = new S3Client({ region: 'ru-central1', endpoint: 'http://127.0.0.1:' + process.argv[2] });
      const work = () => s3.send(new ListBucketsCommand({}));`,
      { AWS_CONFIG_FILE: 'aws-config' },
    );
    const { daemon } = JSON.parse((await house.iamToken(['status', '--json'])).stdout) as {
      readonly daemon: { readonly metadataAddress: string };
    };
    const metadata = `http://${daemon.metadataAddress}/computeMetadata/v1`;
    play(
      'ydbjs',
      await startHttpService({ judge: isLiving, answer: list }),
      `import { MetadataCredentialsProvider } from '@ydbjs/auth/metadata';
      const provider = new MetadataCredentialsProvider({ endpoint: process.env.YDB_METADATA_CREDENTIALS_ENDPOINT });
      const work = async () => {
        const headers = { authorization: 'Bearer ' + (await provider.getToken()) };
        const { status } = await fetch('http://127.0.0.1:' + process.argv[2], { headers });
        if (status !== 200) throw new Error(status);
      };`,
      {
        YDB_METADATA_CREDENTIALS_ENDPOINT: `${metadata}/instance/service-accounts/default/token`,
      },
    );
    const cluster = await startHttpService({ judge: isLiving, answer: list, tls: true });
    workplace.write({ kubeconfig: kubeconfig(cluster.port) });
    play(
      'kubernetes-client',
      cluster,
      `import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
      const config = new KubeConfig();
      config.loadFromFile('kubeconfig');
      const api = config.makeApiClient(CoreV1Api);
      const work = () => api.listNamespace();`,
    );
    await Promise.all([...players.values()].map(playToTheEnd));
  });

  after(async () => {
    await Promise.all(
      [...players.values()].map(async ({ worker, service }) => {
        await worker.end();
        await service.close();
      }),
    );
    workplace?.remove();
    await house?.stop();
  });

  for (const name of [
    'fetch',
    'openai',
    'nodejs-sdk',
    'grpc-js',
    'ydb-sdk',
    'client-s3',
    'ydbjs',
    'kubernetes-client',
  ]) {
    it(`${name} goes on, and is refused nothing`, async () => {
      const player = players.get(name);
      assert.ok(player !== undefined);
      const { service, worker, said } = player;
      assert.deepEqual(new Set(said), new Set(['done']));
      assert.deepEqual(service.refused, []);
      assert.ok(service.accepted.length >= 2, 'it had another token');
      assert.equal(await isLiving(service.accepted[0] ?? ''), false);
      assert.ok(worker.isAlive());
    });
  }

  it('have types that the library fits', () => {
    const program = `import * as grpc from '@grpc/grpc-js';
      import { Session } from '@yandex-cloud/nodejs-sdk';
      import OpenAI from 'openai';
      import { Driver, TokenAuthService } from 'ydb-sdk';
      import { iamTokenCache } from 'iam-tokend/client';
      import { fetchWithIamToken, grpcCallCredentials, nodejsSdkSession, ydbAuthService } from 'iam-tokend/adapters';
      const tokens = iamTokenCache();
      const authService = ydbAuthService(TokenAuthService, tokens);
      export const all: [grpc.CallCredentials, Session, Driver, OpenAI] = [
        grpcCallCredentials(grpc, tokens),
        new Session(nodejsSdkSession(tokens)),
        new Driver({ connectionString: 'grpc://localhost/local', authService }),
        new OpenAI({ apiKey: tokens.getToken, fetch: fetchWithIamToken(tokens) }),
      ];`;
    const compilerOptions = {
      ...{ module: 'node20', target: 'es2023', strict: true, noEmit: true, skipLibCheck: true },
      ...{ types: ['node'], typeRoots: [join(root, 'node_modules/@types')] },
    };
    const files = ['user.mts', 'user.cts'];
    for (const name of files) workplace.write({ [name]: program });
    workplace.write({ 'tsconfig.json': JSON.stringify({ compilerOptions, files }) });
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout, status } = spawnSync(process.execPath, [tsc, '--project', workplace.folder], {
      encoding: 'utf8',
    });
    assert.deepEqual([stdout, status], ['', 0]);
  });
});

function kubeconfig(port: number): string {
  const authority = Buffer.from(tlsCertificate).toString('base64');
  const cluster = { server: `https://localhost:${port}`, 'certificate-authority-data': authority };
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: 'iam-token',
    args: ['kubernetes-credential'],
    interactiveMode: 'Never',
  };
  return JSON.stringify({
    clusters: [{ name: 'cluster', cluster }],
    users: [{ name: 'me', user: { exec } }],
    contexts: [{ name: 'here', context: { cluster: 'cluster', user: 'me' } }],
    'current-context': 'here',
  });
}

/** A database of one node that has nothing in it. */
function ydbAnswers(): Readonly<Record<string, (port: number) => Uint8Array>> {
  const { Ydb } = thirdPartyPackage('ydb-sdk-proto') as YdbMessages;
  const operation = (kind: string, folder: string, result: object): Uint8Array => {
    const value = Ydb[folder]?.[`${kind}Result`]?.encode(result).finish();
    const response = { operation: { ready: true, status: 400_000, result: { value } } };
    return Ydb[folder]?.[`${kind}Response`]?.encode(response).finish() ?? new Uint8Array();
  };
  return {
    '/Ydb.Discovery.V1.DiscoveryService/ListEndpoints': (port) =>
      operation('ListEndpoints', 'Discovery', { endpoints: [{ address: '127.0.0.1', port }] }),
    '/Ydb.Table.V1.TableService/CreateSession': () =>
      operation('CreateSession', 'Table', { sessionId: 'ydb://session/3?id=1' }),
    '/Ydb.Table.V1.TableService/KeepAlive': () => operation('KeepAlive', 'Table', { sessionStatus: 1 }),
    '/Ydb.Scheme.V1.SchemeService/ListDirectory': () =>
      operation('ListDirectory', 'Scheme', { self: { name: 'local' } }),
  };
}
