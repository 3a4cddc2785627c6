import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Authority } from './example-authorities.ts';
import { listenOnLoopback, closeServer } from './loopback.ts';
import { loadThirdPartyPackage } from '../systems/third-party-workspace.ts';
import { tlsCertificate, tlsKey } from './tls-certificate.ts';

/** The tokens that a service received, in order. */
export interface TokenLog {
  readonly acceptedTokens: string[];
  readonly rejectedTokens: string[];
}

/** Whether a token is valid now. */
export type TokenCheck = (token: string) => boolean | Promise<boolean>;

export interface TokenService extends TokenLog {
  readonly port: number;
  close(): Promise<void>;
}

async function checkToken(
  { acceptedTokens, rejectedTokens }: TokenLog,
  isTokenValid: TokenCheck,
  token: string,
): Promise<boolean> {
  const isValid = await isTokenValid(token);
  const tokens = isValid ? acceptedTokens : rejectedTokens;
  if (tokens.at(-1) !== token) tokens.push(token);
  return isValid;
}

export interface HttpServiceOptions {
  readonly isTokenValid: TokenCheck;
  /** The response to a valid token. */
  readonly respond: (path: string) => { readonly type: string; readonly body: string | Buffer };
  /** Finds the token; in the `authorization` header unless given. */
  readonly extractToken?: (request: IncomingMessage) => string | undefined;
  /** With `true`, a certificate for localhost. */
  readonly tls?: boolean | Authority;
  /** The `www-authenticate` header of a 401. */
  readonly challenge?: string;
}

export async function startHttpService(options: HttpServiceOptions): Promise<TokenService> {
  const { isTokenValid, respond, extractToken = parseBearer, tls = false, challenge = 'Bearer' } = options;
  const tokenLog: TokenLog = { acceptedTokens: [], rejectedTokens: [] };
  const listener: RequestListener = (request, response) => {
    void (async () => {
      request.resume();
      const token = extractToken(request);
      if (token === undefined || !(await checkToken(tokenLog, isTokenValid, token))) {
        response.writeHead(401, { 'www-authenticate': challenge }).end('{}');
        return;
      }
      const { type, body } = respond(request.url ?? '/');
      response.writeHead(200, { 'content-type': type }).end(body);
    })();
  };
  const { certificate, key } = typeof tls === 'object' ? tls : { certificate: tlsCertificate, key: tlsKey };
  const server =
    tls === false ? createServer(listener) : createTlsServer({ key, cert: certificate }, listener);
  return {
    ...tokenLog,
    port: await listenOnLoopback(server),
    close: () => closeServer(server),
  };
}

/** The token in the Basic credentials that a registry receives from the helper. */
export function parseRegistryToken({ headers: { authorization = '' } }: IncomingMessage): string | undefined {
  const credentials = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString();
  return /^iam:(.*)$/.exec(credentials)?.[1];
}

function parseBearer({ headers }: IncomingMessage): string | undefined {
  return /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1];
}

/** The part of `@grpc/grpc-js` in use. */
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
 * @param responses message bytes by the path of the method, computed when the port is known
 * @param header contains the token
 */
export async function startGrpcService(
  isTokenValid: TokenCheck,
  responses: Readonly<Record<string, (port: number) => Uint8Array>>,
  header: 'authorization' | 'x-ydb-auth-ticket',
): Promise<TokenService> {
  const grpc = loadThirdPartyPackage('@grpc/grpc-js') as Grpc;
  const tokenLog: TokenLog = { acceptedTokens: [], rejectedTokens: [] };
  const server = new grpc.Server();
  let port = 0;
  const identity = (bytes: Buffer): Buffer => bytes;
  for (const [path, encodeResponse] of Object.entries(responses)) {
    server.addService(
      {
        method: {
          path,
          requestStream: false,
          responseStream: false,
          requestSerialize: identity,
          requestDeserialize: identity,
          responseSerialize: identity,
          responseDeserialize: identity,
        },
      },
      {
        method: (
          { metadata }: GrpcCall,
          sendResponse: (error: object | null, encodeResponse?: Buffer) => void,
        ) => {
          const token = String(metadata.get(header)[0] ?? '').replace(/^Bearer /, '');
          void checkToken(tokenLog, isTokenValid, token).then((isValid) =>
            isValid
              ? sendResponse(null, Buffer.from(encodeResponse(port)))
              : sendResponse({ code: grpc.status.UNAUTHENTICATED, details: 'the token is invalid' }),
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
    ...tokenLog,
    port,
    close: async () => server.forceShutdown(),
  };
}
