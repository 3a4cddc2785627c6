import type { ExactFault } from './faults.ts';
import { json, type Reply, rpcCode, rpcStatus } from './reply.ts';

/** How an answer goes out. */
export type Delivery =
  | { readonly how: 'whole'; readonly reply: Reply }
  | { readonly how: 'cut'; readonly reply: Reply; readonly atByte: number; readonly of: 'body' | 'answer' }
  | { readonly how: 'half'; readonly reply: Reply }
  | { readonly how: 'flood'; readonly bytes: number }
  | { readonly how: 'never' };

/**
 * What comes of a call under a fault.
 * @param reply what it would have been without
 * @param nowMs by the emulator's clock
 */
export function faulted(fault: ExactFault, reply: Reply, nowMs: number): Delivery {
  const whole = (instead: Reply): Delivery => ({ how: 'whole', reply: instead });
  const text = (status: number, type: string, body: string): Delivery =>
    whole({ status, headers: { 'content-type': type }, body });
  switch (fault.kind) {
    case 'unavailable':
      return whole(rpcStatus(rpcCode.unavailable, 'upstream connect error or disconnect'));
    case 'too_many_requests': {
      const refused = rpcStatus(rpcCode.resourceExhausted, 'The limit on requests was exceeded');
      return whole({ ...refused, headers: { ...refused.headers, 'retry-after': fault.retryAfter } });
    }
    case 'hang':
      return { how: 'never' };
    case 'hang_in_body':
      return { how: 'half', reply };
    case 'cut':
      return { how: 'cut', reply, atByte: fault.atByte, of: fault.of };
    case 'empty':
      return text(200, 'application/json', '');
    case 'huge':
      return { how: 'flood', bytes: fault.bytes };
    case 'junk':
      return text(200, 'application/json', '\u0000\u0001{]junk');
    case 'array':
      return whole(json([]));
    case 'html':
      return text(403, 'text/html', '<!doctype html><title>403</title><h1>Forbidden by the proxy</h1>');
    case 'redirect':
      return whole({ status: 302, headers: { location: 'http://login.hotel.example/' }, body: '' });
    case 'error_in_ok':
      return whole(rpcStatus(fault.code, 'an error that came under a good status', 200));
    case 'no_token':
      return whole(json(changed(reply, { iamToken: undefined })));
    case 'bad_token':
      return whole(json(changed(reply, { iamToken: 't1.line\r\nbreak.x' })));
    case 'expiry':
      return whole(json(changed(reply, { expiresAt: wrongExpiry(fault.is, nowMs) })));
    case 'status':
      return whole(rpcStatus(fault.code, fault.message, fault.httpStatus));
    default:
      return fault satisfies never;
  }
}

function changed({ body }: Reply, change: Readonly<Record<string, unknown>>): object {
  return { ...(JSON.parse(body) as object), ...change };
}

function wrongExpiry(
  is: 'past' | 'far' | 'unreadable' | 'no_zone' | 'missing',
  nowMs: number,
): string | undefined {
  const yearMs = 365.25 * 24 * 60 * 60_000;
  switch (is) {
    case 'past':
      return new Date(nowMs - 60_000).toISOString();
    case 'far':
      return new Date(nowMs + 100 * yearMs).toISOString();
    case 'unreadable':
      return 'in a while';
    case 'no_zone':
      return new Date(nowMs + 60 * 60_000).toISOString().replace('Z', '');
    case 'missing':
      return undefined;
    default:
      return is satisfies never;
  }
}
