import type { Clock } from '../shared/clock.ts';
import type { HintLine } from '../shared/hint.ts';
import type { CredentialKind, SourceTools } from './credential-kind.ts';

/** A notice may depend on programs of this machine, which are searched in many folders. */
const maxAgeMs = 60_000;

export interface RecentNoticesParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly tools: SourceTools;
  readonly findCredentialKind: (name: string) => CredentialKind | null;
}

/** The notices of credential kinds for `status`, determined once a minute at most. */
export class RecentNotices {
  readonly #parts: RecentNoticesParts;
  readonly #notices = new Map<
    CredentialKind,
    { readonly notice: HintLine | null; readonly atMonotonicMs: number }
  >();

  constructor(parts: RecentNoticesParts) {
    this.#parts = parts;
  }

  /** `null`: none, or an unknown kind. */
  get(kindName: string): HintLine | null {
    const { clock, findCredentialKind, tools } = this.#parts;
    const kind = findCredentialKind(kindName);
    if (kind === null) return null;
    const { monotonicMs } = clock.now();
    const recent = this.#notices.get(kind);
    if (recent !== undefined && monotonicMs - recent.atMonotonicMs <= maxAgeMs) return recent.notice;
    const notice = kind.getNotice?.(tools) ?? null;
    this.#notices.set(kind, { notice, atMonotonicMs: monotonicMs });
    return notice;
  }
}
