import { tlsCertificate } from '../network/tls-certificate.ts';
import {
  startGrpcService,
  startHttpService,
  type TokenCheck,
  type TokenService,
} from '../network/token-services.ts';
import { loadThirdPartyPackage, type Workspace } from './third-party-workspace.ts';

/** A program that uses a third-party package, and the service that it calls. */
export interface WorkloadDefinition {
  readonly name: WorkloadName;
  readonly service: TokenService;
  /** A module that defines `work`; `process.argv[2]` is the port of the service. */
  readonly moduleText: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export const workloadNames = [
  'fetch',
  'openai',
  'nodejs-sdk',
  'grpc-js',
  'ydb-sdk',
  'client-s3',
  'ydbjs',
  'kubernetes-client',
] as const;
type WorkloadName = (typeof workloadNames)[number];

/** The part of `ydb-sdk-proto` in use. */
interface YdbMessages {
  readonly Ydb: Record<string, Record<string, { encode(message: object): { finish(): Uint8Array } }>>;
}

export async function createWorkloads(
  isTokenValid: TokenCheck,
  workspace: Workspace,
  metadataAddress: string,
): Promise<readonly WorkloadDefinition[]> {
  workspace.write({
    'ca.pem': tlsCertificate,
    'aws-config': '[default]\ncredential_process = iam-token aws-credential-process\n',
  });
  return [
    ...(await createHttpWorkloads(isTokenValid)),
    ...(await createGrpcWorkloads(isTokenValid)),
    await createMetadataWorkload(isTokenValid, metadataAddress),
    await createKubernetesWorkload(isTokenValid, workspace),
  ];
}

const createListResponse = (): { readonly type: string; readonly body: string } => ({
  type: 'application/json',
  body: '{"object":"list","data":[],"items":[]}',
});

async function createHttpWorkloads(isTokenValid: TokenCheck): Promise<readonly WorkloadDefinition[]> {
  return [
    {
      name: 'fetch',
      service: await startHttpService({ isTokenValid, respond: createListResponse }),
      moduleText: `import { fetchWithIamToken } from 'iam-tokend/adapters';
      const fetch = fetchWithIamToken();
      const work = async () => {
        const { status } = await fetch('http://127.0.0.1:' + process.argv[2]);
        if (status !== 200) throw new Error(status);
      };`,
    },
    {
      name: 'openai',
      service: await startHttpService({ isTokenValid, respond: createListResponse }),
      moduleText: `import OpenAI from 'openai';
      import { iamTokenCache } from 'iam-tokend/client';
      const baseURL = 'http://127.0.0.1:' + process.argv[2];
      const openai = new OpenAI({ apiKey: iamTokenCache().getToken, baseURL, maxRetries: 0 });
      const work = () => openai.models.list();`,
    },
    {
      name: 'client-s3',
      service: await startHttpService({
        isTokenValid,
        extractToken: ({ headers }) => String(headers['x-amz-security-token']).replace(/^s1\./, ''),
        respond: () => ({ type: 'application/xml', body: '<ListAllMyBucketsResult/>' }),
      }),
      moduleText: `import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
      const s3 = new S3Client({ region: 'ru-central1', endpoint: 'http://127.0.0.1:' + process.argv[2] });
      const work = () => s3.send(new ListBucketsCommand({}));`,
      environment: { AWS_CONFIG_FILE: 'aws-config' },
    },
  ];
}

async function createGrpcWorkloads(isTokenValid: TokenCheck): Promise<readonly WorkloadDefinition[]> {
  const clouds = { '/yandex.cloud.resourcemanager.v1.CloudService/List': () => new Uint8Array() };
  return [
    {
      name: 'nodejs-sdk',
      service: await startGrpcService(isTokenValid, clouds, 'authorization'),
      moduleText: `import { readFileSync } from 'node:fs';
      import { Session } from '@yandex-cloud/nodejs-sdk';
      import { cloudService } from '@yandex-cloud/nodejs-sdk/resourcemanager-v1';
      import { nodejsSdkSession } from 'iam-tokend/adapters';
      const session = new Session({ ...nodejsSdkSession(), ssl: { rootCerts: readFileSync('ca.pem') } });
      const clouds = session.client(cloudService.CloudServiceClient, 'localhost:' + process.argv[2]);
      const work = () => clouds.list(cloudService.ListCloudsRequest.fromPartial({}));`,
    },
    {
      name: 'grpc-js',
      service: await startGrpcService(isTokenValid, clouds, 'authorization'),
      moduleText: `import { readFileSync } from 'node:fs';
      import * as grpc from '@grpc/grpc-js';
      import { grpcCallCredentials } from 'iam-tokend/adapters';
      const tls = grpc.credentials.createSsl(readFileSync('ca.pem'));
      const credentials = grpc.credentials.combineChannelCredentials(tls, grpcCallCredentials(grpc));
      const client = new grpc.Client('localhost:' + process.argv[2], credentials);
      const identity = (bytes) => bytes;
      const path = '/yandex.cloud.resourcemanager.v1.CloudService/List';
      const work = () => new Promise((resolve, reject) => client.makeUnaryRequest(path, identity, identity,
        Buffer.alloc(0), (error, response) => (error ? reject(error) : resolve(response))));`,
    },
    {
      name: 'ydb-sdk',
      service: await startGrpcService(isTokenValid, createYdbResponses(), 'x-ydb-auth-ticket'),
      moduleText: `import ydb from 'ydb-sdk';
      import { ydbAuthService } from 'iam-tokend/adapters';
      const { Driver, TokenAuthService } = ydb;
      const connectionString = 'grpc://127.0.0.1:' + process.argv[2] + '/local';
      const driver = new Driver({ connectionString, authService: ydbAuthService(TokenAuthService) });
      const work = () => driver.schemeClient.listDirectory('/local');`,
    },
  ];
}

async function createMetadataWorkload(
  isTokenValid: TokenCheck,
  metadataAddress: string,
): Promise<WorkloadDefinition> {
  const metadataUrl = `http://${metadataAddress}/computeMetadata/v1`;
  return {
    name: 'ydbjs',
    service: await startHttpService({ isTokenValid, respond: createListResponse }),
    moduleText: `import { MetadataCredentialsProvider } from '@ydbjs/auth/metadata';
      const provider = new MetadataCredentialsProvider({ endpoint: process.env.YDB_METADATA_CREDENTIALS_ENDPOINT });
      const work = async () => {
        const headers = { authorization: 'Bearer ' + (await provider.getToken()) };
        const { status } = await fetch('http://127.0.0.1:' + process.argv[2], { headers });
        if (status !== 200) throw new Error(status);
      };`,
    environment: {
      YDB_METADATA_CREDENTIALS_ENDPOINT: `${metadataUrl}/instance/service-accounts/default/token`,
    },
  };
}

async function createKubernetesWorkload(
  isTokenValid: TokenCheck,
  workspace: Workspace,
): Promise<WorkloadDefinition> {
  const service = await startHttpService({ isTokenValid, respond: createListResponse, tls: true });
  workspace.write({ kubeconfig: formatKubeconfig(service.port) });
  return {
    name: 'kubernetes-client',
    service,
    moduleText: `import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
      const config = new KubeConfig();
      config.loadFromFile('kubeconfig');
      const api = config.makeApiClient(CoreV1Api);
      const work = () => api.listNamespace();`,
  };
}

function formatKubeconfig(port: number): string {
  const certificate = Buffer.from(tlsCertificate).toString('base64');
  const cluster = { server: `https://localhost:${port}`, 'certificate-authority-data': certificate };
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: 'iam-token',
    args: ['kubernetes-credential'],
    interactiveMode: 'Never',
  };
  return JSON.stringify({
    clusters: [{ name: 'cluster', cluster }],
    users: [{ name: 'user', user: { exec } }],
    contexts: [{ name: 'context', context: { cluster: 'cluster', user: 'user' } }],
    'current-context': 'context',
  });
}

/** The responses of an empty database with one node. */
function createYdbResponses(): Readonly<Record<string, (port: number) => Uint8Array>> {
  const { Ydb } = loadThirdPartyPackage('ydb-sdk-proto') as YdbMessages;
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
