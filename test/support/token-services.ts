import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { listen, shut } from './loopback.ts';
import { thirdPartyPackage } from './third-party.ts';
import { tlsCertificate, tlsKey } from './tls-fixture.ts';

/** What a service of ours was shown, in its order. */
export interface Shown {
  readonly accepted: string[];
  readonly refused: string[];
}

/** Whether a token is good now. */
export type Judge = (token: string) => boolean | Promise<boolean>;

export interface TokenService extends Shown {
  readonly port: number;
  close(): Promise<void>;
}

async function judged({ accepted, refused }: Shown, judge: Judge, token: string): Promise<boolean> {
  const isGood = await judge(token);
  const list = isGood ? accepted : refused;
  if (list.at(-1) !== token) list.push(token);
  return isGood;
}

export interface HttpServiceOptions {
  readonly judge: Judge;
  /** What there is for whoever may have it. */
  readonly answer: (path: string) => { readonly type: string; readonly body: string };
  /** Finds the token; that of the `authorization` header unless given. */
  readonly tokenOf?: (request: IncomingMessage) => string | undefined;
  readonly tls?: boolean;
  /** What is said with a 401. */
  readonly challenge?: string;
}

export async function startHttpService(options: HttpServiceOptions): Promise<TokenService> {
  const { judge, answer, tokenOf = bearerOf, tls = false, challenge = 'Bearer' } = options;
  const shown: Shown = { accepted: [], refused: [] };
  const listener: RequestListener = (request, response) => {
    void (async () => {
      request.resume();
      const token = tokenOf(request);
      if (token === undefined || !(await judged(shown, judge, token))) {
        response.writeHead(401, { 'www-authenticate': challenge }).end('{}');
        return;
      }
      const { type, body } = answer(request.url ?? '/');
      response.writeHead(200, { 'content-type': type }).end(body);
    })();
  };
  const server = tls
    ? createTlsServer({ key: tlsKey, cert: tlsCertificate }, listener)
    : createServer(listener);
  return {
    ...shown,
    port: await listen(server),
    close: () => shut(server),
  };
}

function bearerOf({ headers }: IncomingMessage): string | undefined {
  return /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1];
}

/** What is used of `@grpc/grpc-js`. */
interface Grpc {
  readonly Server: new () => {
    addService(methods: object, handlers: object): void;
    bindAsync(address: string, credentials: object, bound: (error: Error | null, port: number) => void): void;
    forceShutdown(): void;
  };
  readonly ServerCredentials: {
    createInsecure(): object;
    createSsl(roots: null, pairs: readonly { private_key: Buffer; cert_chain: Buffer }[]): object;
  };
  readonly status: { readonly UNAUTHENTICATED: number };
}
interface GrpcCall {
  readonly metadata: { get(name: string): readonly (string | Buffer)[] };
}

/**
 * @param answers message bytes by the method's path, made when the port is known
 * @param header where the token stands
 */
export async function startGrpcService(
  judge: Judge,
  answers: Readonly<Record<string, (port: number) => Uint8Array>>,
  header: 'authorization' | 'x-ydb-auth-ticket',
): Promise<TokenService> {
  const grpc = thirdPartyPackage('@grpc/grpc-js') as Grpc;
  const shown: Shown = { accepted: [], refused: [] };
  const server = new grpc.Server();
  let port = 0;
  const same = (bytes: Buffer): Buffer => bytes;
  for (const [path, answer] of Object.entries(answers)) {
    server.addService(
      {
        method: {
          path,
          requestStream: false,
          responseStream: false,
          requestSerialize: same,
          requestDeserialize: same,
          responseSerialize: same,
          responseDeserialize: same,
        },
      },
      {
        method: ({ metadata }: GrpcCall, tell: (error: object | null, answer?: Buffer) => void) => {
          const token = String(metadata.get(header)[0] ?? '').replace(/^Bearer /, '');
          void judged(shown, judge, token).then((isGood) =>
            isGood
              ? tell(null, Buffer.from(answer(port)))
              : tell({ code: grpc.status.UNAUTHENTICATED, details: 'the token is invalid' }),
          );
        },
      },
    );
  }
  const pair = { private_key: Buffer.from(tlsKey), cert_chain: Buffer.from(tlsCertificate) };
  const credentials =
    header === 'authorization'
      ? grpc.ServerCredentials.createSsl(null, [pair])
      : grpc.ServerCredentials.createInsecure();
  port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    ...shown,
    port,
    close: async () => server.forceShutdown(),
  };
}
