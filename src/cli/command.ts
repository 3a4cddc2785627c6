import type { Connection } from '../client/connection.ts';
import { dial } from '../client/dial.ts';
import { type Patience, patienceOf } from '../client/patience.ts';
import { profileParams } from '../client/request-token.ts';
import type { Surroundings } from '../platform/places.ts';
import type { Answer, Method, Params } from '../protocol/messages.ts';
import type { CheckedMethod } from '../protocol/token-method.ts';
import type { Clock } from '../shared/clock.ts';
import type { CommandLine } from './parse-command-line.ts';

/** One call of a command, and what is around it. */
export interface Call extends CommandLine {
  readonly surroundings: Surroundings;
  readonly clock: Clock;
}

/** Which daemon is asked, and how long it is waited for. */
export type Reach = Pick<Call, 'socketPath' | 'timeoutMs' | 'surroundings'>;

/**
 * Prints its result; throws IamTokenError or QuietEnd.
 * @returns an exit code where everything is said already
 */
export type Command = (call: Call) => Promise<number | void>;

/** Talks to the daemon over one connection, which is closed in any case. */
export async function withDaemon<T>(
  { socketPath, timeoutMs, surroundings }: Reach,
  talk: (connection: Connection, patience: Patience) => Promise<T>,
): Promise<T> {
  const patience = patienceOf(timeoutMs);
  const connection = await dial(socketPath, surroundings, patience);
  try {
    return await talk(connection, patience);
  } finally {
    connection.close();
  }
}

/** Asks the daemon one thing. */
export function ask<M extends Method>(
  reach: Reach,
  method: CheckedMethod<M, Answer<M>>,
  params: Params<M>,
): Promise<Answer<M>> {
  return withDaemon(reach, (connection, patience) => connection.ask(method, params, patience));
}

/** What a request says of the profile: nothing where neither an option nor the environment names one. */
export function profileOf({ options, surroundings }: Call): { readonly profile?: string } {
  return profileParams(options.get('profile'), surroundings.env);
}
