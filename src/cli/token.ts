import { requestToken, type TokenRequest } from '../client/request-token.ts';
import type { Surroundings } from '../platform/places.ts';
import type { TokenAnswer } from '../protocol/messages.ts';
import { isTerminal, print, printWarning, waiting } from './terminal.ts';

/** What is printed of an answer. */
export type TokenFormat = (answer: TokenAnswer) => string;

export interface TokenManner {
  readonly format: TokenFormat;
  /** Says nothing but errors on stderr. */
  readonly quiet: boolean;
}

export const plainToken: TokenManner = { format: ({ token }) => token, quiet: false };

/** The way to a token, on which nothing is loaded that it does not need. */
export async function printToken(
  request: TokenRequest,
  { format, quiet }: TokenManner,
  surroundings: Surroundings,
): Promise<void> {
  const asked = requestToken(request, surroundings);
  const answer = await (quiet ? asked : waiting('a token', asked));
  print(format(answer));
  if (answer.warning !== undefined && !quiet && isTerminal('stderr')) {
    printWarning(answer.warning.message, answer.warning.hint);
  }
}
