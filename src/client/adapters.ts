/**
 * Living tokens for other packages, each in their own terms: `import { … } from 'iam-tokend/adapters'`. None of them is
 * imported here; what is asked of them is typed by its shape.
 */
import { type IamTokenCache, iamTokenCache } from './iam-token-client.ts';

/**
 * `fetch` with the token in its `authorization` header. A 401 asks the daemon anew, and where it has another token the
 * request is sent once more, unless its body was a stream or came in a `Request`. The token goes to whatever is
 * fetched: ask nothing with it that is not Yandex Cloud's or yours.
 */
export function fetchWithIamToken(
  tokens: IamTokenCache = iamTokenCache(),
  fetch: typeof globalThis.fetch = globalThis.fetch,
): typeof globalThis.fetch {
  return async (input, init) => {
    const given = input instanceof Request ? input : undefined;
    const signal = init?.signal ?? given?.signal;
    const send = (token: string): Promise<Response> => {
      const headers = new Headers(init?.headers ?? given?.headers);
      headers.set('authorization', `Bearer ${token}`);
      return fetch(input, { ...init, headers });
    };
    const { token } = await tokens.get(signal);
    const answer = await send(token);
    if (answer.status !== 401) return answer;
    tokens.drop(token);
    const isSpent = init?.body instanceof ReadableStream || (given?.body ?? null) !== null;
    const next = isSpent ? { token } : await tokens.get(signal);
    if (next.token === token) return answer;
    await answer.body?.cancel();
    return send(next.token);
  };
}

/** What is needed of `import * as grpc from '@grpc/grpc-js'`. */
export interface GrpcLibrary<M extends { set(key: string, value: string): void }, C> {
  readonly Metadata: new () => M;
  readonly credentials: {
    createFromMetadataGenerator(
      generator: (options: unknown, tell: (error: Error | null, metadata?: M) => void) => void,
    ): C;
  };
}

/** Call credentials of `@grpc/grpc-js`: `grpc.credentials.combineChannelCredentials(…, grpcCallCredentials(grpc))`. */
export function grpcCallCredentials<M extends { set(key: string, value: string): void }, C>(
  grpc: GrpcLibrary<M, C>,
  tokens: IamTokenCache = iamTokenCache(),
): C {
  return grpc.credentials.createFromMetadataGenerator((_, tell) => {
    tokens.getToken().then(
      (token) => {
        const metadata = new grpc.Metadata();
        metadata.set('authorization', `Bearer ${token}`);
        tell(null, metadata);
      },
      (error: Error) => tell(error),
    );
  });
}

/**
 * The configuration of a `Session` of `@yandex-cloud/nodejs-sdk`, 2 or 3: `new Session(nodejsSdkSession())`. A session
 * takes no source of tokens, but awaits its `iamToken` before each call (session.js of 2.8.0 and 3.2.0, read 2026-11):
 * so this one is a promise that is asked anew each time.
 */
export function nodejsSdkSession(tokens: IamTokenCache = iamTokenCache()): { iamToken: string } {
  const iamToken: PromiseLike<string> = {
    // oxlint-disable-next-line unicorn/no-thenable -- it is awaited, see above
    then: (onToken, onError) => tokens.getToken().then(onToken, onError),
  };
  return { iamToken: iamToken as unknown as string };
}

/**
 * The `authService` of a `Driver` of `ydb-sdk`, made of that package's own `TokenAuthService`:
 * `new Driver({ connectionString, authService: ydbAuthService(TokenAuthService) })`.
 */
export function ydbAuthService<M>(
  TokenAuthService: new (token: string) => { getAuthMetadata(): Promise<M> },
  tokens: IamTokenCache = iamTokenCache(),
): { getAuthMetadata(): Promise<M> } {
  return {
    getAuthMetadata: async () => new TokenAuthService(await tokens.getToken()).getAuthMetadata(),
  };
}
