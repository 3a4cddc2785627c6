import * as v from 'valibot';
import type { ExchangeFailure } from '../token/ports.ts';
import { sayable } from './sayable.ts';

/** RFC 6749, section 5.2, and RFC 8693, section 2.2.2. */
const schema = v.object({
  error: v.pipe(v.string(), v.regex(/^[\w.:-]{1,64}$/)),
  error_description: v.optional(v.string(), ''),
});

/** Those by which a service says that it cannot, and not that it will not. */
const passing: readonly string[] = ['server_error', 'temporarily_unavailable', 'slow_down'];

/**
 * What an OAuth error object means; `null` for a body that is none.
 * @param sent the credential, of which nothing may be said
 */
export function oauthErrorIn(
  service: string,
  body: object,
  httpStatus: number,
  sent: string,
): ExchangeFailure | null {
  const parsed = v.safeParse(schema, body);
  if (!parsed.success) return null;
  const { error, error_description: description } = parsed.output;
  const text = sayable(description, sent);
  const said = text === '' ? error : `${error}: ${text}`;
  return passing.includes(error)
    ? { kind: 'transient', message: `${service} answered ${httpStatus} with ${said}` }
    : { kind: 'terminal', message: `${service} refused with ${said}` };
}
