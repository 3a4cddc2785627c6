import assert from 'node:assert/strict';
import { HttpFailure } from '../../src/shared/http-client.ts';
import type { ExchangeFailure } from '../../src/token/ports.ts';
import { answer, failureOf, later, rpcStatus, token } from '../support/iam-answers.ts';
import type { Scripted } from '../support/scripted-http.ts';

describe('an answer of IAM is sorted by what it is:', () => {
  const page = '<!doctype html><h1>Access denied</h1>';
  const rows: readonly (readonly [string, Scripted, ExchangeFailure['kind'], RegExp])[] = [
    // IAM says no.
    ['code 3 under 400', rpcStatus(3, 'bad field'), 'terminal', /^IAM refused with code 3: bad field$/],
    ['code 7 under 403', rpcStatus(7, 'no role', 403), 'terminal', /^IAM refused with code 7: no role$/],
    ['code 9 under 400', rpcStatus(9, 'blocked'), 'terminal', /^IAM refused with code 9: blocked$/],
    ['code 16 under 401', rpcStatus(16, 'who?', 401), 'terminal', /^IAM refused with code 16: who\?$/],
    ['an error under status 200', rpcStatus(16, 'who?', 200), 'terminal', /^IAM refused with code 16/],
    ['code 16 under 503', rpcStatus(16, 'who?', 503), 'terminal', /^IAM refused with code 16/],
    ['code 16 with odd details', rpcStatus(16, 'who?', 401, 'none'), 'terminal', /^IAM refused with code 16/],
    ['a refusal without a word', rpcStatus(16, '', 401), 'terminal', /^IAM refused with code 16$/],
    // It says that it may pass.
    ['code 4 under 504', rpcStatus(4, 'slow', 504), 'transient', /^IAM answered 504 with code 4: slow$/],
    [
      'code 8 under 429',
      rpcStatus(8, 'too many', 429),
      'transient',
      /^IAM answered 429 with code 8: too many$/,
    ],
    ['code 13 under 500', rpcStatus(13, 'oops', 500), 'transient', /^IAM answered 500 with code 13: oops$/],
    ['code 14 under 503', rpcStatus(14, 'down', 503), 'transient', /^IAM answered 503 with code 14: down$/],
    ['code 14 under 401', rpcStatus(14, 'down', 401), 'transient', /^IAM answered 401 with code 14: down$/],
    // Somebody else speaks, or nobody.
    [
      'a 403 page of a proxy',
      answer(page, 403, { 'content-type': 'text/html' }),
      'transient',
      /403 with a web page: a proxy/,
    ],
    ['a page without a type', answer(page), 'transient', /^IAM answered 200 with a web page/],
    ['401 without a word', answer('', 401), 'transient', /^IAM answered 401 with an empty body$/],
    [
      '401 with JSON of another',
      answer({ error: 'denied' }, 401),
      'transient',
      /^IAM answered 401 with JSON that is no error/,
    ],
    [
      'a code as a word',
      answer({ code: 'UNAUTHENTICATED', message: 'no' }, 401),
      'transient',
      /no error of its own/,
    ],
    ['a code without a message', answer({ code: 16 }, 401), 'transient', /no error of its own/],
    ['code 0', answer({ code: 0, message: 'fine' }), 'transient', /^IAM's answer holds no token$/],
    ['code 17', answer({ code: 17, message: 'new' }, 500), 'transient', /no error of its own/],
    [
      'a token under 500',
      answer({ iamToken: 't1.a.b', expiresAt: later }, 500),
      'transient',
      /no error of its own/,
    ],
    ['a redirect', answer('', 302, { location: '/login' }), 'transient', /^IAM answered 302 with a redirect/],
    ['an empty body', answer(''), 'transient', /^IAM answered 200 with an empty body$/],
    ['white space', answer(' \r\n'), 'transient', /with an empty body$/],
    ['junk', answer('\u0000{]'), 'transient', /^IAM answered 200 with something that is no JSON object$/],
    ['half an answer', answer('{"iamToken":"t1.a'), 'transient', /no JSON object$/],
    ['an array', answer([]), 'transient', /no JSON object$/],
    ['null', answer('null'), 'transient', /no JSON object$/],
    ['a string', answer('"t1.a.b"'), 'transient', /no JSON object$/],
    [
      'an answer of 1 GB',
      new HttpFailure('the answer is larger than 256 KiB'),
      'transient',
      /^IAM cannot be reached: the answer is larger/,
    ],
    [
      'a connection that is cut',
      new HttpFailure('the connection was cut off'),
      'transient',
      /^IAM cannot be reached: the connection was cut off$/,
    ],
    // A token, but none to use.
    ['no token', answer({ expiresAt: later }), 'transient', /^IAM's answer holds no token$/],
    ['an empty token', token(later, ''), 'transient', /^IAM's answer holds no token$/],
    ['a number as token', token(later, 17), 'transient', /^IAM's answer holds no token$/],
    [
      'a token with a control character',
      token(later, 't1.a\u0007b.c'),
      'transient',
      /with characters that no token has$/,
    ],
    [
      'a token with a line break',
      token(later, 't1.a\r\nX: y'),
      'transient',
      /with characters that no token has$/,
    ],
    ['a token with a space', token(later, 't1.a b'), 'transient', /with characters that no token has$/],
    [
      'a token of 4,097 characters',
      token(later, 'a'.repeat(4_097)),
      'transient',
      /of over 4,096 characters$/,
    ],
    ['no expiry', answer({ iamToken: 't1.a.b' }), 'transient', /does not say when the token expires$/],
    ['a number as expiry', token(1_795_000_000), 'transient', /does not say when the token expires$/],
    [
      'an expiry without a zone',
      token('2026-11-24T20:00:00'),
      'transient',
      /in no readable way .*: '2026-11-24T20:00:00'$/,
    ],
    ['an expiry in words', token('in a while'), 'transient', /in no readable way when the token expires$/],
    ['ten fraction digits', token('2026-11-24T20:00:00.0123456789Z'), 'transient', /in no readable way/],
    ['a point and no digits', token('2026-11-24T20:00:00.Z'), 'transient', /in no readable way/],
    ['a day that is not', token('2026-11-31T20:00:00Z'), 'transient', /in no readable way/],
    ['an hour that is not', token('2026-11-24T24:00:00Z'), 'transient', /in no readable way/],
    [
      'an expiry in the past',
      token('2026-11-24T11:59:59Z'),
      'transient',
      /^IAM gave a token that expired at 2026-11-24T11:59:59/,
    ],
    ['an expiry right now', token('2026-11-24T12:00:00Z'), 'transient', /^IAM gave a token that expired/],
    [
      'an expiry in 25 hours',
      token('2026-11-25T13:00:00Z'),
      'transient',
      /expires at 2026-11-25T13.* longer than any token lives$/,
    ],
    [
      'an expiry in a hundred years',
      token('2126-11-24T12:00:00Z'),
      'transient',
      /longer than any token lives$/,
    ],
  ];
  for (const [name, scripted, kind, message] of rows) {
    it(`${name}: ${kind}`, async () => {
      const failure = await failureOf(scripted);
      assert.equal(failure.kind, kind);
      assert.match(failure.message, message);
      assert.equal(failure.mayHeal, name.startsWith('code 7') ? true : undefined);
      assert.equal(failure.hint !== undefined, kind === 'terminal');
    });
  }
});
