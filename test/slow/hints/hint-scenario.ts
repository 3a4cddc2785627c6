import type { HintLab } from './hint-lab.ts';

/** Brings the product into a state in which it prints hints, types them, and asserts that they do what they say. */
export interface HintScenario {
  readonly title: string;
  /** As `collectHints` returns them. */
  readonly hints: readonly string[];
  /** Whether this machine can do it. Default: yes. */
  readonly isPossible?: boolean;
  /** The store of the daemon. Default: memory. */
  readonly store?: 'memory' | 'file' | 'keychain';
  readonly run: (lab: HintLab) => Promise<void>;
}
