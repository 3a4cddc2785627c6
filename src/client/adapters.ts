/**
 * IAM tokens for other packages: `import { … } from 'iam-tokend/adapters'`. Those packages are not dependencies: the
 * caller passes in what an adapter needs of them.
 */
import type { IamTokenCache } from './api-types.ts';
import { iamTokenCache } from './iam-token-client.ts';

/**
 * A `fetch` that sends the token in the `authorization` header. On a 401 it requests the token from the daemon; if that
 * is a new one, it sends the request a second time, unless the body was a stream or came in a `Request`.
 *
 * Every URL that you fetch receives the token: use it for Yandex Cloud and your own services only.
 * @throws IamTokenError, and what `fetch` throws
 * @example
 * const fetch = fetchWithIamToken();
 * await fetch('https://resource-manager.api.cloud.yandex.net/resource-manager/v1/clouds');
 */
export function fetchWithIamToken(
  tokens: IamTokenCache = iamTokenCache(),
  fetch: typeof globalThis.fetch = globalThis.fetch,
): typeof globalThis.fetch {
  return async (input, init) => {
    const request = input instanceof Request ? input : undefined;
    const signal = init?.signal ?? request?.signal;
    const send = (token: string): Promise<Response> => {
      const headers = new Headers(init?.headers ?? request?.headers);
      headers.set('authorization', `Bearer ${token}`);
      return fetch(input, { ...init, headers });
    };
    const { token } = await tokens.get(signal);
    const response = await send(token);
    if (response.status !== 401) return response;
    tokens.drop(token);
    const isBodyConsumed = isStream(init?.body) || (request?.body ?? null) !== null;
    const renewed = isBodyConsumed ? { token } : await tokens.get(signal);
    if (renewed.token === token) return response;
    await response.body?.cancel();
    return send(renewed.token);
  };
}

/** Node sends streams of both kinds, and any other asynchronous iterable. */
function isStream(body: unknown): boolean {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

/** The part of `import * as grpc from '@grpc/grpc-js'` that `grpcCallCredentials` uses. */
export interface GrpcLibrary<M extends { set(key: string, value: string): void }, C> {
  readonly Metadata: new () => M;
  readonly credentials: {
    createFromMetadataGenerator(
      generator: (options: unknown, onMetadata: (error: Error | null, metadata?: M) => void) => void,
    ): C;
  };
}

/**
 * Call credentials for `@grpc/grpc-js`; a call without a token fails with the IamTokenError.
 * @example
 * grpc.credentials.combineChannelCredentials(grpc.credentials.createSsl(), grpcCallCredentials(grpc));
 */
export function grpcCallCredentials<M extends { set(key: string, value: string): void }, C>(
  grpc: GrpcLibrary<M, C>,
  tokens: IamTokenCache = iamTokenCache(),
): C {
  return grpc.credentials.createFromMetadataGenerator((_, onMetadata) => {
    tokens.getToken().then(
      (token) => {
        const metadata = new grpc.Metadata();
        metadata.set('authorization', `Bearer ${token}`);
        onMetadata(null, metadata);
      },
      (error: Error) => onMetadata(error),
    );
  });
}

/**
 * The configuration of a `Session` of `@yandex-cloud/nodejs-sdk`, version 2 or 3. A session awaits its `iamToken` before
 * each call (session.js of 2.8.0 and 3.2.0, read 2026-11), so this one is a thenable that requests the current token.
 * @example
 * const session = new Session(nodejsSdkSession());
 */
export function nodejsSdkSession(tokens: IamTokenCache = iamTokenCache()): { iamToken: string } {
  const iamToken: PromiseLike<string> = {
    // oxlint-disable-next-line unicorn/no-thenable -- the session awaits it, see above
    then: (onToken, onError) => tokens.getToken().then(onToken, onError),
  };
  return { iamToken: iamToken as unknown as string };
}

/**
 * The `authService` for a `Driver` of `ydb-sdk`, based on that package's own `TokenAuthService`.
 * @example
 * new Driver({ connectionString, authService: ydbAuthService(TokenAuthService) });
 */
export function ydbAuthService<M>(
  TokenAuthService: new (token: string) => { getAuthMetadata(): Promise<M> },
  tokens: IamTokenCache = iamTokenCache(),
): { getAuthMetadata(): Promise<M> } {
  return {
    getAuthMetadata: async () => new TokenAuthService(await tokens.getToken()).getAuthMetadata(),
  };
}
