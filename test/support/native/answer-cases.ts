/** What a daemon may answer, and whether the native client understands it. */
import { encodeFrame } from '../../../src/protocol/envelope.ts';
import { errorCodes } from '../../../src/shared/errors.ts';
import { failWith, respondWith, type Script } from '../daemon/scripted-daemon.ts';
import { createStatusResult, createTokenResult } from '../daemon/scripted-results.ts';

/** `native`: the native client prints the result. `handed over`: it runs the JavaScript client instead. */
export type HandledBy = 'native' | 'handed over';

export interface AnswerCase {
  readonly title: string;
  readonly handledBy: HandledBy;
  readonly script: Script;
  readonly args?: readonly string[];
}

/** For the whole run: both clients receive the same. */
export const tokenResult = createTokenResult(8 * 3_600_000);
export const respondWithToken: Script = respondWith({ token: tokenResult });

function respondWithFields(fields: object): Script {
  return respondWith({ token: { ...tokenResult, ...fields } });
}

/** Writes these bytes at every request. */
function write(bytes: string | Uint8Array): Script {
  return (_request, { writeRaw }) => writeRaw(bytes);
}

/** The usual frame with a part of its text replaced. */
function replace(part: string | RegExp, replacement: string): Script {
  return write(tokenFrame.replace(part, replacement));
}

export const tokenFrame = encodeFrame({ v: 1, id: 1, result: tokenResult });
const { token } = tokenResult;

function row(title: string, handledBy: HandledBy, script: Script, ...args: readonly string[]): AnswerCase {
  return { title, handledBy, script, args };
}

/** A frame of this many bytes without its delimiter, with a token that fills it. */
function frameOfBytes(bytes: number): string {
  const missing = bytes - (Buffer.byteLength(tokenFrame) - 1);
  return tokenFrame.replace(token, token + 'x'.repeat(missing));
}

const deep = (depth: number): string => `"x":${'['.repeat(depth)}${']'.repeat(depth)},`;

const jsonCases: readonly AnswerCase[] = [
  row('white space between all tokens', 'native', replace(/[{},]|(?<="):/g, ' \t\r\n$& \n')),
  row(
    'escapes in a key and in a value',
    'native',
    replace('"token":"t', String.raw`"\u0074ok\u0065n":"\u0074`),
  ),
  row('an escaped solidus', 'native', replace(token, String.raw`t1.a\/b\\c\"d`)),
  row('an escape that does not exist', 'handed over', replace(token, String.raw`t1.\a`)),
  row('an escape cut short', 'handed over', replace(token, String.raw`t1.\u00`)),
  row('a control character in a string', 'handed over', replace('"work"', '"wo\tk"')),
  row('a surrogate pair in the account', 'native', replace('aje0ada', String.raw`\ud83d\ude00`)),
  row(
    'a surrogate pair in JSON',
    'handed over',
    replace('aje0ada', String.raw`\ud83d\ude00`),
    '--format=json',
  ),
  row(
    'half a surrogate pair in JSON',
    'handed over',
    replace('aje0ada', String.raw`\ud83d`),
    '--format=json',
  ),
  row(
    'Cyrillic and quotes in JSON',
    'native',
    replace('aje0ada', String.raw`Ж\u0436 \"ё\" \\`),
    '--format=json',
  ),
  row('a soft hyphen in JSON', 'handed over', replace('aje0ada', 'a\u{ad}b'), '--format=json'),
  row('a line separator in JSON', 'handed over', replace('aje0ada', 'a\u{2028}b'), '--format=json'),
  row('a line break in JSON', 'handed over', replace('aje0ada', String.raw`a\nb`), '--format=json'),
  row(
    'bytes that are not UTF-8',
    'native',
    write(Buffer.from(tokenFrame.replace('aje0ada', '\u{e9}\u{ff}'), 'latin1')),
  ),
  row(
    'bytes that are not UTF-8 in JSON',
    'handed over',
    write(Buffer.from(tokenFrame.replace('aje0ada', '\u{e9}\u{ff}'), 'latin1')),
    '--format=json',
  ),
  row('a byte order mark', 'handed over', write(`\u{feff}${tokenFrame}`)),
  row(
    'unknown fields of all kinds',
    'native',
    replace('"token"', '"a":[{},[],{"b":[1.5e-7,-0,true,false,null,"\\u0000"]}],"token"'),
  ),
  row('64 arrays in each other', 'native', replace('"token"', `${deep(61)}"token"`)),
  row('200 arrays in each other', 'handed over', replace('"token"', `${deep(200)}"token"`)),
  row('a repeated field', 'handed over', replace('"token"', '"token":"t1.other","token"')),
  row('a repeated field, escaped', 'handed over', replace('"token"', String.raw`"toke\u006e":1,"token"`)),
  row('a repeated unknown field', 'native', replace('"token"', '"x":1,"x":2,"token"')),
  row('the field __proto__', 'native', replace('"token"', '"__proto__":{"token":1},"token"')),
  row('a trailing comma', 'handed over', replace('}}}', ',}}}')),
  row('a leading zero', 'handed over', replace('"id":1', '"id":01')),
  row('an id as a fraction', 'handed over', replace('"id":1', '"id":1.0')),
  row('text after the object', 'handed over', replace('\f', 'x\f')),
  row('a frame that is not JSON', 'handed over', write('hello\f')),
  row('an empty frame', 'handed over', write('\f')),
  row('an array', 'handed over', write('[]\f')),
];

const messageCases: readonly AnswerCase[] = [
  row('another type', 'handed over', replace('"iam-token"', '"iam-tokens"')),
  row('another version', 'handed over', replace('"v":1', '"v":2')),
  row('no version', 'handed over', replace('"v":1,', '')),
  row('another id', 'handed over', replace('"id":1', '"id":2'), '--timeout=300ms'),
  row('data that is a string', 'handed over', write('{"type":"iam-token","data":"x"}\f')),
  row('no data', 'handed over', write('{"type":"iam-token"}\f')),
  row(
    'fields in another order',
    'native',
    write(`{"data":{"result":${JSON.stringify(tokenResult)},"id":1,"v":1},"type":"iam-token"}\f`),
  ),
  row('an error beside a result', 'handed over', replace('"v":1', '"error":null,"v":1')),
  row('an event before the result', 'handed over', (request, { send, respond }) => {
    send('rotated', { profile: 'work' });
    respond(request, tokenResult);
  }),
  row('two frames at once', 'handed over', write(tokenFrame + tokenFrame)),
  row('bytes after the frame', 'handed over', write(`${tokenFrame}{`)),
  row('65,536 bytes', 'native', write(frameOfBytes(65_536))),
  row('65,536 bytes in JSON', 'native', write(frameOfBytes(65_536)), '--format=json'),
  row('65,537 bytes', 'handed over', write(frameOfBytes(65_537))),
  row('200,000 bytes without an end', 'handed over', write('x'.repeat(200_000))),
  row('a connection that is closed at once', 'handed over', (_request, { end }) => end()),
  row('a connection that is closed within a frame', 'handed over', (_request, { writeRaw, end }) => {
    writeRaw(tokenFrame.slice(0, 40));
    end();
  }),
  row('silence', 'handed over', () => {}, '--timeout=350ms'),
];

const fieldCases: readonly AnswerCase[] = [
  row('a token that is a number', 'handed over', respondWithFields({ token: 1 })),
  row('a token that is null', 'handed over', respondWithFields({ token: null })),
  row('an empty token', 'handed over', respondWithFields({ token: '' })),
  row('a token with a space', 'handed over', respondWithFields({ token: 't1.a b' })),
  row('a token with a line break', 'handed over', respondWithFields({ token: 't1.a\nb' })),
  row('a token with an escape sequence', 'handed over', respondWithFields({ token: 't1.\u{1b}[31m' })),
  row('a token beyond ASCII', 'handed over', respondWithFields({ token: 't1.\u{e9}' })),
  row(
    'a token with quotes in JSON',
    'native',
    respondWithFields({ token: String.raw`t1."\x` }),
    '--format=json',
  ),
  row('no token', 'handed over', respondWithFields({ token: undefined })),
  row(
    'an expiry without milliseconds',
    'handed over',
    respondWithFields({ expiresAt: '2026-11-24T22:04:05Z' }),
  ),
  row(
    'an expiry in February 30',
    'handed over',
    respondWithFields({ expiresAt: '2027-02-30T22:04:05.000Z' }),
  ),
  row('an expiry in month 13', 'handed over', respondWithFields({ expiresAt: '2027-13-01T22:04:05.000Z' })),
  row('an expiry at 24:00', 'handed over', respondWithFields({ expiresAt: '2027-01-01T24:00:00.000Z' })),
  row(
    'an expiry on a leap day',
    'native',
    respondWithFields({ expiresAt: '2028-02-29T22:04:05.000Z' }),
    'kubernetes-credential',
  ),
  row('an expiry before 1970', 'handed over', respondWithFields({ expiresAt: '1969-12-31T23:59:59.999Z' })),
  row(
    'the last expiry',
    'native',
    respondWithFields({ expiresAt: '9999-12-31T23:59:59.999Z' }),
    'kubernetes-credential',
  ),
  row('an expiry within the minute', 'native', respondWith({ token: createTokenResult(30_000) })),
  row('no profile', 'handed over', respondWithFields({ profile: undefined })),
  row('a profile that is a number', 'handed over', respondWithFields({ profile: 5 })),
  row('no account', 'native', respondWithFields({ subject: null }), '--format=json'),
  row('an account that is missing', 'handed over', respondWithFields({ subject: undefined })),
  row('a clock offset', 'native', respondWithFields({ clockOffsetMs: -90_500 }), '--format=json'),
  row(
    'a clock offset for kubectl',
    'native',
    respondWithFields({ clockOffsetMs: 61_001 }),
    'kubernetes-credential',
  ),
  row(
    'a clock offset with a fraction',
    'handed over',
    respondWithFields({ clockOffsetMs: 1.5 }),
    '--format=json',
  ),
  row('a clock offset that is text', 'handed over', respondWithFields({ clockOffsetMs: '1' })),
  row('a clock offset beyond 2^53', 'handed over', replace('"work"', '"work","clockOffsetMs":1e300')),
  row('a clock offset of -0', 'handed over', replace('"work"', '"work","clockOffsetMs":-0'), '--format=json'),
  row(
    'a warning',
    'handed over',
    respondWithFields({ warning: { code: 'login_required', message: 'expired' } }),
  ),
  row('an invalid warning', 'handed over', respondWithFields({ warning: 'expired' })),
];

const errorCases: readonly AnswerCase[] = errorCodes.map((code) =>
  row(
    `the error ${code}`,
    'handed over',
    failWith({ code, message: `no "${code}"`, hint: 'iam-token status' }),
  ),
);

const hours = (count: number): number => count * 3_600_000;
function segment(
  title: string,
  handledBy: HandledBy,
  ...profile: Parameters<typeof createStatusResult>
): AnswerCase {
  return row(`prompt: ${title}`, handledBy, respondWith(createStatusResult(...profile)), 'prompt');
}

const promptCases: readonly AnswerCase[] = [
  segment('hours and minutes', 'native', { timeLeftMs: hours(3) + 12 * 60_000 + 59_999 }),
  segment('minutes', 'native', { timeLeftMs: 59 * 60_000 }),
  segment('failing renewal', 'native', { timeLeftMs: hours(1), state: 'failing' }),
  segment('no token', 'native', { state: 'login_required' }),
  segment('an expired token', 'native', { timeLeftMs: -61_000, state: 'keychain_unavailable' }),
  segment('a profile in Cyrillic', 'native', { profile: 'работа', timeLeftMs: hours(1) }),
  segment('a profile with another character', 'handed over', { profile: 'a\u{202e}b', timeLeftMs: hours(1) }),
  segment('a state of a newer daemon', 'handed over', { state: 'asleep' as 'ok' }),
  segment('a time that is text', 'handed over', { timeLeftMs: 'x' as unknown as number }),
  segment('no default profile', 'native', { isDefault: false }),
  row(
    'prompt: other fields of another release',
    'native',
    respondWith({
      status: {
        daemon: 1,
        profiles: [{ profile: 'a', isDefault: true, state: 'ok', timeLeftMs: 9e7, kind: 5 }],
        next: null,
      },
    }),
    'prompt',
  ),
  row('prompt: no profile', 'native', respondWith({ status: { profiles: [], next: null } }), 'prompt'),
  row(
    'prompt: no such profile',
    'handed over',
    failWith({ code: 'unknown_profile', message: 'x' }),
    'prompt',
  ),
  row(
    'prompt: a named profile',
    'native',
    respondWith(createStatusResult({ isDefault: false, timeLeftMs: hours(2) })),
    'prompt',
    '--profile=work',
  ),
  row('prompt: silence', 'native', () => {}, 'prompt'),
  row('prompt: silence for longer', 'handed over', () => {}, 'prompt', '--timeout=400ms'),
];

export const answerCases: readonly AnswerCase[] = [
  ...jsonCases,
  ...messageCases,
  ...fieldCases,
  ...errorCases,
  ...promptCases,
];
