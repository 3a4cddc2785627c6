import { HttpFailure } from '../shared/http-client.ts';

/** What an error on the way may tell of itself: Node's system errors, OpenSSL's and undici's have these. */
interface Told {
  /** Or its name, where it has none. */
  readonly code: string;
  readonly hostname: string | null;
  readonly address: string | null;
}

/**
 * Says in a sentence why no whole answer came. The text of the error itself is not passed on, for it may quote what
 * was sent; it stays as `cause`.
 */
export function transportFailure(thrown: unknown, url: string, signal: AbortSignal): HttpFailure {
  if (thrown instanceof HttpFailure) return thrown;
  const { host } = new URL(url);
  const message = signal.aborted ? abandoned(signal, host) : sentence(told(thrown), host);
  return new HttpFailure(message, { cause: thrown });
}

export function tooLarge(url: string, limitBytes: number): HttpFailure {
  return new HttpFailure(`the answer of ${new URL(url).host} is larger than ${limitBytes / 1024} KiB`);
}

function abandoned({ reason }: AbortSignal, host: string): string {
  return reason instanceof DOMException && reason.name === 'TimeoutError'
    ? `${host} did not answer in time`
    : `the request to ${host} was given up`;
}

/** What the system, OpenSSL or undici calls it. */
export function failureCode(thrown: unknown): string {
  return told(thrown).code;
}

/** The innermost error with a code: `fetch` wraps what happened, and several addresses make an `AggregateError`. */
function told(thrown: unknown): Told {
  if (!(thrown instanceof Error)) return { code: 'unknown', hostname: null, address: null };
  const inner = thrown instanceof AggregateError ? (thrown.errors[0] as unknown) : thrown.cause;
  if (inner instanceof Error) return told(inner);
  const { code, hostname, address, port } = thrown as Error & Readonly<Record<string, unknown>>;
  return {
    code: typeof code === 'string' ? code : thrown.name,
    hostname: typeof hostname === 'string' ? hostname : null,
    address: typeof address === 'string' && typeof port === 'number' ? `${address}:${port}` : null,
  };
}

function sentence({ code, hostname, address }: Told, host: string): string {
  const words: Readonly<Record<string, string>> = {
    host,
    code,
    name: hostname ?? host,
    by: address === null || address === host ? '' : ` (${address})`,
  };
  const [, said = ''] = sentences.find(([codes]) => codes.test(code)) ?? [];
  return said.replaceAll(/\{(\w+)\}/g, (_, word: string) => words[word] ?? '');
}

const wrongClock = 'or the clock of this machine is wrong';

/** The first that fits. X.509 errors as Node names them: nodejs.org/api/tls.html, "X509 certificate error codes". */
const sentences: readonly (readonly [codes: RegExp, said: string])[] = [
  [/^(ENOTFOUND|EAI_AGAIN|EAI_FAIL)$/, 'the name {name} cannot be resolved'],
  [/^ECONNREFUSED$/, 'the connection to {host} was refused{by}'],
  [/^(E(HOST|NET)UNREACH|ENETDOWN|EADDRNOTAVAIL)$/, 'there is no way through the network to {host}{by}'],
  [/^(ETIMEDOUT|UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT)$/, '{host} did not answer in time{by}'],
  [
    /^(ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/,
    'the connection to {host} was cut off',
  ],
  [/^UND_ERR_ABORTED$/, 'the proxy lets no connection through to {host}'],
  [/^CERT_HAS_EXPIRED$/, `the certificate of {host} has expired, ${wrongClock}`],
  [/^CERT_NOT_YET_VALID$/, `the certificate of {host} is not valid yet, ${wrongClock}`],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'the certificate of {host} is made out to another name'],
  [/^UND_ERR_PRX_TLS$/, 'the certificate of the proxy is made out to another name'],
  [
    /SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)|^CERT_|^INVALID_(CA|PURPOSE)/,
    'the certificate of {host} is not trusted ({code})',
  ],
  [/^HTTPParserError$/, '{host} answered with something that is not HTTP'],
  [/^(ERR_SSL_|EPROTO$)/, 'no secure connection to {host} ({code})'],
  [/^/, 'the request to {host} failed ({code})'],
];
