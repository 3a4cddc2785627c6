import type { Connection } from '../client/connection.ts';
import { dial } from '../client/dial.ts';
import { type Patience, patienceOf } from '../client/patience.ts';
import { defaultTimeoutMs } from '../client/request-token.ts';
import type { Surroundings } from '../platform/places.ts';
import type { Clock } from '../shared/clock.ts';
import type { GivenOptions } from './parse-command-line.ts';

export interface Call {
  readonly options: GivenOptions;
  readonly operand: string;
  /** A command that is not ours, or its arguments. */
  readonly foreign: readonly string[];
  readonly surroundings: Surroundings;
  readonly clock: Clock;
}

/**
 * Prints its result; throws IamTokenError, or what `endings.ts` lists.
 * @returns an exit code where everything is said already
 */
export type Command = (call: Call) => Promise<number | void>;

/** Talks to the daemon over one connection, which is closed in any case. */
export async function withDaemon<T>(
  { options, surroundings }: Call,
  talk: (connection: Connection, patience: Patience) => Promise<T>,
): Promise<T> {
  const patience = patienceOf(options.durationMs('timeout') ?? defaultTimeoutMs);
  const connection = await dial(options.text('socket'), surroundings, patience);
  try {
    return await talk(connection, patience);
  } finally {
    connection.close();
  }
}
