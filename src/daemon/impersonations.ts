import type { Alarm } from '../shared/clock.ts';
import type { Problem } from '../shared/errors.ts';
import type { Installation, SourceTools } from '../sources/credential-kind.ts';
import { ephemeralKeys, impersonating } from '../sources/impersonation.ts';
import type { ExchangeOutcome, IamTokenSource } from '../token/ports.ts';
import { Profile, type ProfileParts } from './profile.ts';

/** A token that nobody asks for any more is not renewed for ever. */
const forgottenAfterMs = 24 * 60 * 60_000;
/** More at once are a mistake: the one that was asked for longest ago makes room. */
const atMost = 64;

type Parts = Pick<ProfileParts, 'clock' | 'log' | 'nextScheduledAfter'> & { readonly tools: SourceTools };

/** In the place of a service account's id: keys of Object Storage for the profile's own account. */
export const awsKeys = null;

interface Acting {
  readonly serviceAccountId: string | null;
  readonly base: Profile;
  readonly runner: Profile;
  readonly forget: Alarm;
}

/**
 * Service accounts as which a profile acts for single calls, and keys that it has beside its tokens: each is run as a
 * profile is, from the first request until a day after the last, and nothing of it is stored.
 */
export class Impersonations {
  readonly #parts: Parts;
  /** The one that was asked for longest ago comes first. */
  readonly #acting = new Map<string, Acting>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Gives the tokens of `serviceAccountId`, or the keys, in the name of `base`. */
  of(base: Profile, serviceAccountId: string | null, installation: Installation): Profile {
    const key = `${base.name}/${serviceAccountId ?? ''}`;
    const acting = this.#acting.get(key) ?? this.#begin(key, base, serviceAccountId, installation);
    this.#acting.delete(key);
    this.#acting.set(key, acting);
    acting.forget.set(this.#parts.clock.now().monotonicMs + forgottenAfterMs);
    return acting.runner;
  }

  /** Those who act by way of a profile and have tokens, and what has its keys. */
  runnersOf(base: Profile): { readonly tokens: readonly Profile[]; readonly keys: readonly Profile[] } {
    const own = [...this.#acting.values()].filter((acting) => acting.base === base);
    const isKeys = ({ serviceAccountId }: Acting): boolean => serviceAccountId === awsKeys;
    return {
      tokens: own.filter((acting) => !isKeys(acting)).map(({ runner }) => runner),
      keys: own.filter(isKeys).map(({ runner }) => runner),
    };
  }

  /** The profile has another credential, or none any more. */
  forget(base: Profile, why: Problem): void {
    for (const [key, acting] of [...this.#acting]) if (acting.base === base) this.#end(key, acting, why);
  }

  /** What was refused may be granted by now. */
  retry(base: Profile): void {
    for (const [key, acting] of [...this.#acting]) {
      const { kind } = acting.runner.state.phase;
      const isLatched = kind === 'refused' || kind === 'needs_person';
      if (acting.base === base && isLatched) this.#end(key, acting, askAgain);
    }
  }

  stop(): void {
    for (const { runner, forget } of this.#acting.values()) {
      forget.cancel();
      runner.stop();
    }
  }

  #begin(key: string, base: Profile, serviceAccountId: string | null, installation: Installation): Acting {
    const { clock, log, tools } = this.#parts;
    const [oldest] = this.#acting;
    if (oldest !== undefined && this.#acting.size >= atMost) this.#end(...oldest, askAgain);
    const runner = new Profile({
      ...this.#parts,
      name: base.name,
      log: {
        write: (level, line, fields) => log.write(level, line, { ...fields, as: serviceAccountId ?? 'keys' }),
      },
      keep: () => undefined,
      announce: () => undefined,
    });
    const own = tokensOf(base);
    const source =
      serviceAccountId === awsKeys
        ? ephemeralKeys(own, installation, tools)
        : impersonating(own, serviceAccountId, installation, tools);
    runner.found(source, null);
    const forget = clock.alarm(() => this.#end(key, acting, askAgain));
    const acting: Acting = { base, serviceAccountId, runner, forget };
    return acting;
  }

  #end(key: string, { runner, forget }: Acting, why: Problem): void {
    this.#acting.delete(key);
    forget.cancel();
    runner.missing(why);
    runner.stop();
  }
}

const askAgain: Problem = {
  code: 'unavailable',
  message: 'the request came too late; ask again',
  retryAfterMs: 0,
};

/** The tokens of a profile as somebody gets them who asks, so that no exchange is made twice. */
function tokensOf(base: Profile): IamTokenSource {
  return {
    exchange: (signal) =>
      new Promise((resolve) => {
        const takeBack = base.token(0, (settled) => {
          if (settled.kind === 'reject') return resolve(failedFor(settled.problem));
          const { value, expiresAtMs, subject } = settled.token;
          resolve({ ok: true, exchanged: { token: value, expiresAtMs, subject } });
        });
        signal.addEventListener('abort', () => {
          takeBack();
          resolve({ ok: false, failure: { kind: 'transient', message: 'the request was given up' } });
        });
      }),
  };
}

function failedFor(problem: Problem): ExchangeOutcome {
  const kind = problem.code === 'login_required' ? 'needs_person' : 'transient';
  return { ok: false, failure: { kind, ...problem } };
}
