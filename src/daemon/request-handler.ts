import { type DaemonStatus, protocolVersion, type TokenAnswer } from '../protocol/messages.ts';
import type { Peer } from '../protocol/peer.ts';
import { type CheckedRequest, checkRequest } from '../protocol/requests.ts';
import type { Clock } from '../shared/clock.ts';
import { type Problem, ProblemError, problemOf } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';
import type { IamToken } from '../token/iam-token.ts';
import { problemNow } from '../token/outlook.ts';
import type { Profile } from './profile.ts';
import { isoTime, profileStatus } from './profile-status.ts';
import type { Profiles } from './profiles.ts';
import type { Subscriptions } from './subscriptions.ts';

/** Profiles in one answer, so that it fits a frame: a status takes 2 KB at most. */
const pageSize = 20;
/** Requests that may wait at once, over all connections. */
const waitingAtMost = 20_000;
/** A login may ask a person something on the way. */
const loginAtMostMs = 120_000;

export interface RequestHandlerParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly profiles: Profiles;
  readonly subscriptions: Subscriptions;
  readonly daemonStatus: () => Promise<DaemonStatus>;
  /** Ends the daemon; the answer to `stop` is on its way already. */
  readonly stop: () => void;
}

/** Answers what comes in over a connection, in whatever order the answers are ready. */
export function requestHandler(parts: RequestHandlerParts): (data: unknown, peer: Peer) => void {
  const { clock, log, profiles, subscriptions, version } = parts;
  let waiting = 0;
  /** The same token is given thousands of times. */
  const tokenAnswers = new WeakMap<IamToken, TokenAnswer>();

  return (data, peer) => {
    const checked = checkRequest(data);
    if (checked.ok) {
      try {
        handle(checked.request, peer);
      } catch (error) {
        reject(checked.request.id, peer, loggedProblem(error));
      }
    } else if (checked.id === 'no_message') {
      peer.close('a frame without a message');
    } else {
      reject(checked.id, peer, checked.problem);
    }
  };

  function handle(request: CheckedRequest, peer: Peer): void {
    const { id, method, params } = request;
    switch (method) {
      case 'token': {
        const profile = profiles.ready(params.profile);
        answerWithToken(
          id,
          peer,
          profile,
          (settle) => profile.token(params.minTtlMs ?? 0, settle),
          tokenAnswer,
        );
        return;
      }
      case 'refresh': {
        const profile = profiles.ready(params.profile);
        answerWithToken(id, peer, profile, (settle) => profile.refresh(settle), refreshAnswer);
        return;
      }
      case 'hello':
        answer(id, peer, { version, protocol: protocolVersion });
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
        eventually(id, peer, async () => {
          const profile = await profiles.login(params, clock.deadline(loginAtMostMs));
          const { token } = profile.state;
          if (token === null) {
            const problem = problemNow(profile.state, clock.now());
            throw new ProblemError(problem ?? { code: 'internal', message: 'the login left no token' });
          }
          return refreshAnswer(profile, token);
        });
        return;
      case 'logout':
        eventually(id, peer, async () => ({ profile: await profiles.logout(params.profile) }));
        return;
      case 'use':
        eventually(id, peer, async () => ({ profile: await profiles.use(params.profile) }));
        return;
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
    if (waiting >= waitingAtMost) {
      reject(id, peer, { code: 'too_busy', message: 'too many requests are waiting', retryAfterMs: 1_000 });
      return;
    }
    let settled = false;
    let noLongerWaits: (() => void) | undefined;
    const takeBack = ask((token, problem) => {
      settled = true;
      noLongerWaits?.();
      if (token !== null) answer(id, peer, made(profile, token));
      else reject(id, peer, problem ?? { code: 'internal', message: 'a request ended without an outcome' });
    });
    if (settled) return;
    waiting += 1;
    const ignoreGone = peer.onGone(() => {
      waiting -= 1;
      takeBack();
    });
    noLongerWaits = () => {
      waiting -= 1;
      ignoreGone();
    };
  }

  function eventually(id: number, peer: Peer, work: () => Promise<object>): void {
    work().then(
      (result) => answer(id, peer, result),
      (error: unknown) => reject(id, peer, loggedProblem(error)),
    );
  }

  function tokenAnswer(profile: Profile, token: IamToken): TokenAnswer {
    let made = tokenAnswers.get(token);
    if (made === undefined) {
      made = { token: token.value.expose(), ...refreshAnswer(profile, token) };
      tokenAnswers.set(token, made);
    }
    const problem = profile.state.trouble === null ? null : problemNow(profile.state, clock.now());
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
      return profileStatus(profiles.named(name), entry, profiles.registry.default === name, clock);
    };
    if (profile === undefined) return page(after, limit, status);
    return { profiles: [status(profiles.named(profile).name)], next: null };
  }

  function summary(name: string): object | null {
    const entry = profiles.registry.profiles[name];
    if (entry === undefined) return null;
    return { profile: name, isDefault: profiles.registry.default === name, kind: entry.kind };
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

function answer(id: number, peer: Peer, result: object): void {
  peer.send({ v: protocolVersion, id, result });
}

function reject(id: number | null, peer: Peer, error: Problem): void {
  peer.send({ v: protocolVersion, id, error });
}
