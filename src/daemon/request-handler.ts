import {
  type AwsCredentialsAnswer,
  type DaemonStatus,
  protocolVersion,
  type TokenAnswer,
} from '../protocol/messages.ts';
import type { Peer } from '../protocol/peer.ts';
import { type CheckedRequest, checkRequest } from '../protocol/requests.ts';
import type { Clock } from '../shared/clock.ts';
import { type Problem, ProblemError, problemOf } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';
import { Secret } from '../shared/secret.ts';
import type { IamToken } from '../token/iam-token.ts';
import type { KeptKeys } from '../sources/iam-token-answer.ts';
import { problemNow } from '../token/outlook.ts';
import { guestMethods } from './access.ts';
import type { PeerProofs } from './peer-proofs.ts';
import { awsKeys } from './impersonations.ts';
import type { Profile } from './profile.ts';
import { isoTime, profileStatus, scopeOf } from './profile-status.ts';
import type { Profiles } from './profiles.ts';
import type { Subscriptions } from './subscriptions.ts';

/** Profiles in one answer, so that it fits a frame: a status takes 2 KB at most. */
const pageSize = 20;
/** Requests that may wait at once, over all connections; and over one, so that nobody takes the place of all. */
const usualWaitingAtMost = 20_000;
const waitingOfOneAtMost = 2_000;
/** A login may ask a person something on the way. */
const loginAtMostMs = 120_000;

export interface RequestHandlerParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly profiles: Profiles;
  readonly subscriptions: Subscriptions;
  readonly daemonStatus: () => Promise<DaemonStatus>;
  /** On a Windows pipe, who may ask; absent: whoever can connect. */
  readonly proofs?: PeerProofs | undefined;
  /** Requests that may wait at once; 20,000 unless given. */
  readonly waitingAtMost?: number;
  /** Ends the daemon; the answer to `stop` is on its way already. */
  readonly stop: () => void;
}

/** Answers what comes in over a connection, in whatever order the answers are ready. */
export interface RequestHandler {
  handle(data: unknown, peer: Peer): void;
  /** Tells everybody who waits that the daemon is stopping. */
  stop(): void;
}

export function requestHandler(parts: RequestHandlerParts): RequestHandler {
  const { clock, log, profiles, subscriptions, version, waitingAtMost = usualWaitingAtMost } = parts;
  /** For each request that waits, how to end it before its time. */
  const waiting = new Set<(problem: Problem) => void>();
  const waitingOf = new WeakMap<Peer, number>();
  /** The same token is given thousands of times. */
  const tokenAnswers = new WeakMap<IamToken, TokenAnswer>();

  return { handle, stop };

  function handle(data: unknown, peer: Peer): void {
    const checked = checkRequest(data);
    if (checked.ok) {
      try {
        carryOut(checked.request, peer);
      } catch (error) {
        reject(checked.request.id, peer, loggedProblem(error));
      }
    } else if (checked.id === 'no_message') {
      peer.close('a frame without a message');
    } else {
      reject(checked.id, peer, checked.problem);
    }
  }

  function stop(): void {
    const problem: Problem = { code: 'unavailable', message: 'the daemon is stopping', retryAfterMs: 1_000 };
    for (const end of [...waiting]) end(problem);
  }

  function carryOut(request: CheckedRequest, peer: Peer): void {
    const { id, method, params } = request;
    if (method !== 'hello') parts.proofs?.check(peer);
    if (peer.isGuest && !guestMethods.has(method)) {
      reject(id, peer, {
        code: 'bad_request',
        message: `${method} is for the user that the daemon runs as, and for root`,
        hint: 'ask whoever runs this machine',
      });
      return;
    }
    switch (method) {
      case 'token': {
        const { impersonateServiceAccountId: serviceAccountId } = params;
        const profile =
          serviceAccountId === undefined
            ? profiles.ready(params.profile)
            : profiles.acting(params.profile, serviceAccountId);
        answerWithToken(
          id,
          peer,
          profile,
          (settle) => profile.token(params.minTtlMs ?? 0, settle),
          tokenAnswer,
        );
        return;
      }
      case 'awsCredentials': {
        const keys = profiles.acting(params.profile, awsKeys);
        answerWithToken(id, peer, keys, (settle) => keys.token(params.minTtlMs ?? 0, settle), keysAnswer);
        return;
      }
      case 'refresh': {
        const profile = profiles.ready(params.profile);
        if (isBusy(id, peer)) return;
        profiles.retryImpersonations(profile);
        answerWithToken(id, peer, profile, (settle) => profile.refresh(settle), refreshAnswer);
        return;
      }
      case 'hello':
        answer(id, peer, { version, protocol: protocolVersion, ...parts.proofs?.hello(peer, params) });
        return;
      case 'profiles':
        answer(
          id,
          peer,
          page(params.after, params.limit, (name) => summary(name)),
        );
        return;
      case 'subscribe':
        if (params.profile !== undefined) profiles.named(params.profile);
        subscriptions.add(peer, params.profile ?? null);
        answer(id, peer, {});
        return;
      case 'status':
        eventually(id, peer, async () => ({ daemon: await parts.daemonStatus(), ...statusPage(params) }));
        return;
      case 'login':
        eventually(id, peer, async (gone) => {
          const signal = AbortSignal.any([gone, clock.deadline(loginAtMostMs)]);
          const profile = await profiles.login(params, signal);
          const { token } = profile.state;
          if (token === null) {
            const problem = problemNow(profile.state, clock.now());
            throw new ProblemError(problem ?? { code: 'internal', message: 'the login left no token' });
          }
          return refreshAnswer(profile, token);
        });
        return;
      case 'logout':
        eventually(id, peer, async (gone) => {
          const revocation = params.revoke === true ? await profiles.revoke(params.profile, gone) : {};
          return { profile: await profiles.logout(params.profile), ...revocation };
        });
        return;
      case 'use':
        eventually(id, peer, async () => ({ profile: await profiles.use(params.profile) }));
        return;
      case 'lock':
        eventually(id, peer, async () => ({ outcome: await profiles.lock() }));
        return;
      case 'unlock': {
        const { passphrase } = params;
        eventually(id, peer, async () => ({
          outcome: await profiles.unlock(passphrase === undefined ? null : new Secret(passphrase)),
        }));
        return;
      }
      case 'stop':
        log.write('info', 'asked to stop');
        answer(id, peer, {});
        parts.stop();
        return;
      default:
        request satisfies never;
    }
  }

  function answerWithToken(
    id: number,
    peer: Peer,
    profile: Profile,
    ask: (settle: (token: IamToken | null, problem: Problem | null) => void) => () => void,
    made: (profile: Profile, token: IamToken) => object,
  ): void {
    let settled = false;
    let noLongerWaits: (() => void) | undefined;
    const takeBack = ask((token, problem) => {
      settled = true;
      noLongerWaits?.();
      if (token !== null) answer(id, peer, made(profile, token));
      else reject(id, peer, problem ?? { code: 'internal', message: 'a request ended without an outcome' });
    });
    if (settled) return;
    if (isBusy(id, peer)) takeBack();
    else noLongerWaits = waits(id, peer, takeBack);
  }

  /** @param work is told by the signal when nobody waits for it any more */
  function eventually(id: number, peer: Peer, work: (gone: AbortSignal) => Promise<object>): void {
    if (isBusy(id, peer)) return;
    const gone = new AbortController();
    const noLongerWaits = waits(id, peer, () => gone.abort());
    work(gone.signal).then(
      (result) => {
        if (noLongerWaits()) answer(id, peer, result);
      },
      (error: unknown) => {
        const problem = loggedProblem(error);
        if (noLongerWaits()) reject(id, peer, problem);
      },
    );
  }

  function isBusy(id: number, peer: Peer): boolean {
    if (waiting.size < waitingAtMost && (waitingOf.get(peer) ?? 0) < waitingOfOneAtMost) return false;
    reject(id, peer, { code: 'too_busy', message: 'too many requests are waiting', retryAfterMs: 1_000 });
    return true;
  }

  /**
   * Until it is answered, or its peer is gone, or the daemon stops.
   * @param takeBack nobody waits for the answer any more
   * @returns the request has its answer; `false` when it no longer waited for one
   */
  function waits(id: number, peer: Peer, takeBack: () => void): () => boolean {
    const noLonger = (): boolean => {
      if (!waiting.delete(end)) return false;
      waitingOf.set(peer, (waitingOf.get(peer) ?? 0) - 1);
      ignoreGone();
      return true;
    };
    const end = (problem: Problem): void => {
      noLonger();
      takeBack();
      reject(id, peer, problem);
    };
    const ignoreGone = peer.onGone(() => {
      noLonger();
      takeBack();
    });
    waiting.add(end);
    waitingOf.set(peer, (waitingOf.get(peer) ?? 0) + 1);
    return noLonger;
  }

  function tokenAnswer(profile: Profile, token: IamToken): TokenAnswer {
    let made = tokenAnswers.get(token);
    if (made === undefined) {
      made = { token: token.value.expose(), ...refreshAnswer(profile, token) };
      tokenAnswers.set(token, made);
    }
    const { trouble, time } = profile.state;
    if (time.offsetMs !== 0) made = { ...made, clockOffsetMs: Math.round(time.offsetMs) };
    const problem = trouble === null ? null : problemNow(profile.state, clock.now());
    return problem?.code === 'login_required' ? { ...made, warning: problem } : made;
  }

  function statusPage({
    profile,
    after,
    limit,
  }: {
    profile?: string;
    after?: string;
    limit?: number;
  }): object {
    const status = (name: string): object | null => {
      const entry = profiles.registry.profiles[name];
      if (entry === undefined) return null;
      const isDefault = profiles.registry.default === name;
      return profileStatus(profiles.named(name), entry, isDefault, profiles.notice(entry), clock);
    };
    if (profile === undefined) return page(after, limit, status);
    return { profiles: [status(profiles.named(profile).name)], next: null };
  }

  function summary(name: string): object | null {
    const entry = profiles.registry.profiles[name];
    if (entry === undefined) return null;
    return {
      profile: name,
      isDefault: profiles.registry.default === name,
      kind: entry.kind,
      ...scopeOf(entry),
    };
  }

  /** The profiles after a name, in the order of their names. */
  function page(
    after: string | undefined,
    limit: number | undefined,
    row: (name: string) => object | null,
  ): object {
    const names = Object.keys(profiles.registry.profiles).toSorted();
    const rest = names.filter((name) => after === undefined || name > after);
    const shown = rest.slice(0, Math.min(limit ?? pageSize, pageSize));
    return { profiles: shown.map(row), next: rest.length > shown.length ? (shown.at(-1) ?? null) : null };
  }

  function loggedProblem(error: unknown): Problem {
    const problem = problemOf(error);
    if (problem.code === 'internal') log.write('error', `a request failed: ${problem.message}`);
    return problem;
  }
}

function refreshAnswer(
  profile: Profile,
  token: IamToken,
): { profile: string; subject: string | null; expiresAt: string } {
  return { expiresAt: isoTime(token.expiresAtMs), profile: profile.name, subject: token.subject };
}

function keysAnswer(profile: Profile, { value, expiresAtMs }: IamToken): AwsCredentialsAnswer {
  const keys = JSON.parse(value.expose()) as KeptKeys;
  return { ...keys, expiresAt: isoTime(expiresAtMs), profile: profile.name };
}

function answer(id: number, peer: Peer, result: object): void {
  peer.send({ v: protocolVersion, id, result });
}

function reject(id: number | null, peer: Peer, error: Problem): void {
  peer.send({ v: protocolVersion, id, error });
}
