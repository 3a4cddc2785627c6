import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../shared/clock.ts';
import { accounts, type OauthAccount } from './accounts.ts';
import { callLog, type LoggedCall } from './call-log.ts';
import { deliver } from './delivery.ts';
import { faulted } from './faulted.ts';
import { type Federation, federations } from './federations.ts';
import { type Fault, faults, readFaultSwitch } from './faults.ts';
import { type Reply, rpcCode, rpcStatus } from './reply.ts';
import type { Service } from './route.ts';
import { routes } from './routes.ts';
import { type AuthorizedKey, serviceAccounts } from './service-accounts.ts';
import { type MintedToken, tokenMint } from './token-mint.ts';

export interface EmulatorOptions {
  readonly clock: Clock;
  /** On 127.0.0.1; any free one unless given. */
  readonly port?: number;
  /** Whose OAuth tokens are known; nobody's unless given. */
  readonly oauthAccounts?: readonly OauthAccount[];
  /** Whose JWTs are taken; nobody's unless given. */
  readonly keys?: readonly AuthorizedKey[];
  /** Of a new token, in milliseconds; 12 hours unless given. */
  readonly lifetimeMs?: number;
  /** How far the service's clock is ahead of ours, in milliseconds: its `Date` and all that it dates; 0 unless given. */
  readonly clockOffsetMs?: number;
  /** Give an account its last token again while more than half of that one's life is left, as IAM may; off unless given. */
  readonly sameTokenAgain?: boolean;
}

/** A running IAM service, for tests and the demo; what is set applies from the next call on. */
export interface Emulator {
  readonly url: string;
  /** @param count so many calls meet the fault; all unless given, until `null` switches it off */
  setFault(fault: Fault | null, count?: number): void;
  setLifetimeMs(lifetimeMs: number): void;
  setClockOffsetMs(clockOffsetMs: number): void;
  setSameTokenAgain(sameTokenAgain: boolean): void;
  allowOauthToken(account: OauthAccount): void;
  /** It is unknown from now on; the IAM tokens made from it stay, as with the real one. */
  revokeOauthToken(token: string): void;
  revokeIamToken(token: string): void;
  /** IAM takes JWTs that this key signed. */
  allowKey(key: AuthorizedKey): void;
  deleteKey(id: string): void;
  /** Gives `subject` the role by which it may have tokens of the service account. */
  allowActingAs(subject: string, serviceAccountId: string): void;
  /** Of the VM whose metadata service this is, too; none unless given. */
  attachServiceAccount(serviceAccountId: string | null): void;
  /** OIDC tokens of that issuer are exchanged from now on. */
  trust(federation: Federation): void;
  distrust(issuer: string): void;
  calls(): readonly LoggedCall[];
  /** How many calls came, as `POST /iam/v1/tokens`. */
  count(call: string): number;
  /** Ends every connection, also those that hang. */
  close(): Promise<void>;
}

const twelveHoursMs = 12 * 60 * 60_000;
const longestBodyBytes = 64 * 1024;

export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  let { lifetimeMs = twelveHoursMs, clockOffsetMs = 0, sameTokenAgain = false } = options;
  const lastTokens = new Map<string, MintedToken & { readonly lifetimeMs: number }>();
  const service: Service = {
    nowMs: () => options.clock.now().wallMs + clockOffsetMs,
    audience: () => `${urlOf(server)}/iam/v1/tokens`,
    accounts: accounts(options.oauthAccounts ?? []),
    serviceAccounts: serviceAccounts(options.keys ?? []),
    federations: federations(),
    mint: tokenMint(),
    issue,
    revoke(token) {
      service.mint.revoke(token);
      lastTokens.clear();
    },
    faults: faults(),
    log: callLog(),
  };

  function issue(subject: string): MintedToken {
    const nowMs = service.nowMs();
    const last = lastTokens.get(subject);
    if (sameTokenAgain && last !== undefined && last.expiresAtMs - nowMs > last.lifetimeMs / 2) return last;
    const minted = { ...service.mint.mint(subject, nowMs + lifetimeMs), lifetimeMs };
    lastTokens.set(subject, minted);
    return minted;
  }

  const server = createServer((request, response) => {
    serve(request, response, service).catch((thrown: unknown) => {
      // Whoever called may have gone in the middle; anything else is a fault of ours.
      if (!response.destroyed) throw thrown;
    });
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: urlOf(server),
    setFault(fault, count) {
      const wanted = readFaultSwitch({ fault, ...(count === undefined ? {} : { count }) });
      if (!wanted.ok) throw new TypeError(wanted.message);
      service.faults.set(wanted.fault, wanted.count);
    },
    setLifetimeMs: (wantedMs) => void (lifetimeMs = wantedMs),
    setClockOffsetMs: (wantedMs) => void (clockOffsetMs = wantedMs),
    setSameTokenAgain: (wanted) => void (sameTokenAgain = wanted),
    allowOauthToken: (account) => service.accounts.allow(account),
    revokeOauthToken: (token) => service.accounts.revoke(token),
    revokeIamToken: (token) => service.revoke(token),
    allowKey: (key) => service.serviceAccounts.allowKey(key),
    deleteKey: (id) => service.serviceAccounts.deleteKey(id),
    allowActingAs: (subject, serviceAccountId) =>
      service.serviceAccounts.allowActingAs(subject, serviceAccountId),
    trust: (federation) => service.federations.trust(federation),
    distrust: (issuer) => service.federations.distrust(issuer),
    attachServiceAccount: (serviceAccountId) => service.serviceAccounts.attach(serviceAccountId),
    calls: () => service.log.calls(),
    count: (call) => service.log.counts()[call] ?? 0,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function serve(request: IncomingMessage, response: ServerResponse, service: Service): Promise<void> {
  const { method = '', url = '', headers } = request;
  const [path = ''] = url.split('?', 1);
  response.sendDate = false;
  const body = await readBody(request);

  const route = routes.find((row) => row.method === method && row.path === path);
  const fault = route === undefined || route.isSpared ? null : service.faults.next();
  const reply =
    body === null
      ? rpcStatus(rpcCode.invalidArgument, 'The request body is too large')
      : (route?.answer({ headers, body }, service) ?? noSuchRoute(path));
  const delivery =
    fault === null ? ({ how: 'whole', reply } as const) : faulted(fault, reply, service.nowMs());
  if (route?.isUnlogged !== true) {
    service.log.add({
      at: new Date(service.nowMs()).toISOString(),
      method,
      path: route === undefined ? '(unknown)' : path,
      status: 'reply' in delivery ? delivery.reply.status : null,
      fault: fault?.kind ?? null,
    });
  }
  response.setHeader('date', new Date(service.nowMs()).toUTCString());
  await deliver(delivery, response);
}

/** `null` for a body that is too large: it is read to its end, or the answer might not arrive, but not kept. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= longestBodyBytes) chunks.push(chunk);
  }
  return bytes > longestBodyBytes ? null : Buffer.concat(chunks).toString();
}

function noSuchRoute(path: string): Reply {
  return routes.some((row) => row.path === path)
    ? rpcStatus(rpcCode.unimplemented, 'Method Not Allowed')
    : rpcStatus(rpcCode.notFound, 'Not Found');
}
