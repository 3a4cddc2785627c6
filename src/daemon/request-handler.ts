import {
  type Answer,
  type AwsCredentialsAnswer,
  type DaemonStatus,
  type Params,
  protocolVersion,
  type TokenAnswer,
} from '../protocol/messages.ts';
import type { Peer } from '../protocol/peer.ts';
import { type CheckedRequest, checkRequest } from '../protocol/requests.ts';
import { type Clock, isoTime } from '../shared/clock.ts';
import { type Problem, ProblemError, problemOf } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';
import { Secret } from '../shared/secret.ts';
import type { KeptKeys } from '../sources/iam-token-answer.ts';
import type { IamToken } from '../token/iam-token.ts';
import { daemonStopping } from '../token/lifecycle.ts';
import { problemNow } from '../token/outlook.ts';
import { guestMethods } from './access.ts';
import { awsKeys } from './impersonations.ts';
import type { PeerProofs } from './peer-proofs.ts';
import type { Profile, Settle } from './profile.ts';
import type { ProfileEntry } from './profile-registry.ts';
import { profileStatus, scopeOf } from './profile-status.ts';
import type { Profiles } from './profiles.ts';
import type { Subscriptions } from './subscriptions.ts';

/** Profiles in one answer, so that it fits a frame: a status takes 2 KB at most. */
const pageSize = 20;
/** Requests that may wait at once, over all connections; and over one, so that nobody takes the place of all. */
const waitingAtMost = 20_000;
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
  /** Ends the daemon; the answer to `stop` is on its way already. */
  readonly stop: () => void;
}

/** Answers what comes in over a connection, in whatever order the answers are ready. */
export interface RequestHandler {
  handle(data: unknown, peer: Peer): void;
  /** Tells everybody who waits that the daemon is stopping. */
  stop(): void;
}

/** Who is to have the answer, and to which of its requests. */
interface Asker {
  readonly id: number | null;
  readonly peer: Peer;
}

const tooBusy: Problem = { code: 'too_busy', message: 'too many requests are waiting', retryAfterMs: 1_000 };

export function requestHandler(parts: RequestHandlerParts): RequestHandler {
  const { clock, log, profiles, subscriptions, version } = parts;
  /** For each request that waits, how to end it before its time. */
  const waiting = new Set<(problem: Problem) => void>();
  const waitingOf = new WeakMap<Peer, number>();
  /** The same token is given thousands of times. */
  const tokenAnswers = new WeakMap<IamToken, TokenAnswer>();

  return { handle, stop };

  function handle(data: unknown, peer: Peer): void {
    const checked = checkRequest(data);
    if (checked.ok) {
      const asker: Asker = { id: checked.request.id, peer };
      try {
        carryOut(checked.request, asker);
      } catch (error) {
        reject(asker, loggedProblem(error));
      }
    } else if (checked.id === 'no_message') {
      peer.close('a frame without a message');
    } else {
      reject({ id: checked.id, peer }, checked.problem);
    }
  }

  function stop(): void {
    for (const end of [...waiting]) end(daemonStopping);
  }

  function carryOut(request: CheckedRequest, asker: Asker): void {
    const { method, params } = request;
    const { peer } = asker;
    if (method !== 'hello' && peer.owesNoProof !== true) parts.proofs?.check(peer);
    if (peer.isGuest && !guestMethods.has(method)) {
      throw new ProblemError({
        code: 'bad_request',
        message: `${method} is for the user that the daemon runs as, and for root`,
        hint: 'ask whoever runs this machine',
      });
    }
    switch (method) {
      case 'token': {
        const { profile: name, minTtlMs = 0, impersonateServiceAccountId: accountId } = params;
        const profile = accountId === undefined ? profiles.ready(name) : profiles.acting(name, accountId);
        return answerWithToken(asker, profile, (settle) => profile.token(minTtlMs, settle), tokenAnswer);
      }
      case 'awsCredentials': {
        const keys = profiles.acting(params.profile, awsKeys);
        return answerWithToken(asker, keys, (settle) => keys.token(params.minTtlMs ?? 0, settle), keysAnswer);
      }
      case 'refresh': {
        const profile = profiles.ready(params.profile);
        if (isBusy(peer)) throw new ProblemError(tooBusy);
        profiles.retryImpersonations(profile);
        return answerWithToken(asker, profile, (settle) => profile.refresh(settle), refreshAnswer);
      }
      case 'hello':
        return answer(asker, { version, protocol: protocolVersion, ...parts.proofs?.hello(peer, params) });
      case 'profiles':
        return answer(asker, listed(params, summary));
      case 'subscribe':
        if (params.profile !== undefined) profiles.named(params.profile);
        subscriptions.add(peer, params.profile ?? null);
        return answer(asker, {});
      case 'status':
        return eventually(asker, async () => ({
          daemon: await parts.daemonStatus(),
          ...listed(params, status),
        }));
      case 'login':
        return eventually(asker, async (gone) => {
          const signal = AbortSignal.any([gone, clock.deadline(loginAtMostMs)]);
          const profile = await profiles.login(params, signal);
          const { token } = profile.state;
          if (token === null) {
            const problem = problemNow(profile.state, clock.now());
            throw new ProblemError(problem ?? { code: 'internal', message: 'the login left no token' });
          }
          return refreshAnswer(profile, token);
        });
      case 'logout':
        return eventually(asker, async (gone) => {
          const revocation = params.revoke === true ? await profiles.revoke(params.profile, gone) : {};
          return { profile: await profiles.logout(params.profile), ...revocation };
        });
      case 'use':
        return eventually(asker, async () => ({ profile: await profiles.use(params.profile) }));
      case 'lock':
        return eventually(asker, async () => ({ outcome: await profiles.lock() }));
      case 'unlock': {
        const passphrase = params.passphrase === undefined ? null : new Secret(params.passphrase);
        return eventually(asker, async () => ({ outcome: await profiles.unlock(passphrase) }));
      }
      case 'stop':
        log.write('info', 'asked to stop');
        answer(asker, {});
        return parts.stop();
      default:
        return request satisfies never;
    }
  }

  function answerWithToken(
    asker: Asker,
    profile: Profile,
    ask: (settle: Settle) => () => void,
    made: (profile: Profile, token: IamToken) => object,
  ): void {
    let isSettled = false;
    let noLongerWaits: (() => void) | undefined;
    const takeBack = ask((settled) => {
      isSettled = true;
      noLongerWaits?.();
      if (settled.kind === 'answer') answer(asker, made(profile, settled.token));
      else reject(asker, settled.problem);
    });
    if (!isSettled) noLongerWaits = waits(asker, takeBack);
  }

  /** @param work is told by the signal when nobody waits for it any more */
  function eventually(asker: Asker, work: (gone: AbortSignal) => Promise<object>): void {
    const gone = new AbortController();
    const noLongerWaits = waits(asker, () => gone.abort());
    work(gone.signal).then(
      (result) => {
        if (noLongerWaits()) answer(asker, result);
      },
      (error: unknown) => {
        const problem = loggedProblem(error);
        if (noLongerWaits()) reject(asker, problem);
      },
    );
  }

  function isBusy(peer: Peer): boolean {
    return waiting.size >= waitingAtMost || (waitingOf.get(peer) ?? 0) >= waitingOfOneAtMost;
  }

  /**
   * Until it is answered, or its peer is gone, or the daemon stops.
   * @param takeBack nobody waits for the answer any more
   * @returns the request has its answer; `false` when it no longer waited for one
   * @throws ProblemError `too_busy`, once it is taken back
   */
  function waits(asker: Asker, takeBack: () => void): () => boolean {
    const { peer } = asker;
    if (isBusy(peer)) {
      takeBack();
      throw new ProblemError(tooBusy);
    }
    const noLonger = (): boolean => {
      if (!waiting.delete(end)) return false;
      waitingOf.set(peer, (waitingOf.get(peer) ?? 0) - 1);
      ignoreGone();
      return true;
    };
    const end = (problem: Problem): void => {
      noLonger();
      takeBack();
      reject(asker, problem);
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

  function status(name: string, entry: ProfileEntry): object {
    const isDefault = profiles.registry.default === name;
    return profileStatus(profiles.named(name), entry, isDefault, profiles.notice(name, entry), clock);
  }

  function summary(name: string, entry: ProfileEntry): object {
    const isDefault = profiles.registry.default === name;
    return { profile: name, isDefault, kind: entry.kind, ...scopeOf(entry) };
  }

  /** One profile, or those after a name, in the order of their names. */
  function listed(
    { profile, after, limit = pageSize }: Params<'profiles'>,
    row: (name: string, entry: ProfileEntry) => object,
  ): object {
    if (profile !== undefined) {
      const { name } = profiles.named(profile);
      return { profiles: [row(name, profiles.entryOf(name))], next: null };
    }
    const all = Object.entries(profiles.registry.profiles).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const rest = all.filter(([name]) => after === undefined || name > after);
    const shown = rest.slice(0, Math.min(limit, pageSize));
    const next = rest.length > shown.length ? (shown.at(-1)?.[0] ?? null) : null;
    return { profiles: shown.map(([name, entry]) => row(name, entry)), next };
  }

  function loggedProblem(error: unknown): Problem {
    const problem = problemOf(error);
    if (problem.code === 'internal') log.write('error', `a request failed: ${problem.message}`);
    return problem;
  }
}

function refreshAnswer(profile: Profile, token: IamToken): Answer<'refresh'> {
  return { expiresAt: isoTime(token.expiresAtMs), profile: profile.name, subject: token.subject };
}

function keysAnswer(profile: Profile, { value, expiresAtMs }: IamToken): AwsCredentialsAnswer {
  const keys = JSON.parse(value.expose()) as KeptKeys;
  return { ...keys, expiresAt: isoTime(expiresAtMs), profile: profile.name };
}

function answer({ id, peer }: Asker, result: object): void {
  peer.send({ v: protocolVersion, id, result });
}

function reject({ id, peer }: Asker, error: Problem): void {
  peer.send({ v: protocolVersion, id, error });
}
