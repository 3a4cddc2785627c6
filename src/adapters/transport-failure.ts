import { HttpFailure } from '../shared/http-client.ts';

/** The common fields of errors of Node, OpenSSL and undici. */
interface ErrorDetails {
  /** The error's name if it has no code. */
  readonly code: string;
  readonly hostname: string | null;
  readonly address: string | null;
  /** Of the proxy that the connection failed at; `null` if it failed elsewhere. */
  readonly proxyAddress: string | null;
}

/** No connection through a proxy: `cause` says why. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  readonly proxyAddress: string;

  constructor(proxyAddress: string, options: ErrorOptions) {
    super(`no connection through the proxy ${proxyAddress}`, options);
    this.proxyAddress = proxyAddress;
  }
}

/**
 * Describes in a sentence why no complete response arrived. The error's own text may quote what was sent: it is not
 * part of the sentence and stays in `cause`.
 */
export function createTransportFailure(error: unknown, url: string, signal: AbortSignal): HttpFailure {
  if (error instanceof HttpFailure) return error;
  const { host } = new URL(url);
  const message = signal.aborted ? abortMessage(signal, host) : failureMessage(errorDetailsOf(error), host);
  return new HttpFailure(message, { cause: error });
}

export function createTooLargeFailure(url: string, maxBytes: number): HttpFailure {
  return new HttpFailure(`the response of ${new URL(url).host} is larger than ${maxBytes / 1024} KiB`);
}

function abortMessage({ reason }: AbortSignal, host: string): string {
  return reason instanceof DOMException && reason.name === 'TimeoutError'
    ? `${host} did not answer in time`
    : `the request to ${host} was cancelled`;
}

/** The code of the system, OpenSSL or undici. */
export function failureCodeOf(error: unknown): string {
  return errorDetailsOf(error).code;
}

/** `fetch` wraps the error, and a host with several addresses causes an `AggregateError`: the innermost one counts. */
function errorDetailsOf(error: unknown): ErrorDetails {
  if (!(error instanceof Error))
    return { code: 'unknown', hostname: null, address: null, proxyAddress: null };
  if (error instanceof ProxyError)
    return { ...errorDetailsOf(error.cause), proxyAddress: error.proxyAddress };
  const inner = error instanceof AggregateError ? (error.errors[0] as unknown) : error.cause;
  if (inner instanceof Error) return errorDetailsOf(inner);
  const { code, hostname, address, port } = error as Error & Readonly<Record<string, unknown>>;
  return {
    code: typeof code === 'string' ? code : error.name,
    hostname: typeof hostname === 'string' ? hostname : null,
    address: typeof address === 'string' && typeof port === 'number' ? `${address}:${port}` : null,
    proxyAddress: null,
  };
}

function failureMessage({ code, hostname, address, proxyAddress }: ErrorDetails, host: string): string {
  const shownAddress = proxyAddress ?? (address === host ? null : address);
  const placeholders: Readonly<Record<string, string>> = {
    target: host,
    host: proxyAddress === null ? host : 'the proxy',
    code,
    name: hostname ?? host,
    via: shownAddress === null ? '' : ` (${shownAddress})`,
  };
  const [, template = ''] = failureMessages.find(([codes]) => codes.test(code)) ?? [];
  return template.replaceAll(/\{(\w+)\}/g, (_, word: string) => placeholders[word] ?? '');
}

/** Whether the proxy, rather than the service, is the cause. */
export function isProxyFailure(error: unknown): boolean {
  return errorDetailsOf(error).proxyAddress !== null;
}

const clockHint = 'or the clock of this machine is wrong';

/** The first match counts. X.509 codes: nodejs.org/api/tls.html, "X509 certificate error codes". */
const failureMessages: readonly (readonly [codes: RegExp, template: string])[] = [
  [/^(ENOTFOUND|EAI_AGAIN|EAI_FAIL)$/, 'cannot resolve the host name {name}'],
  [/^ECONNREFUSED$/, 'connection to {host} refused{via}'],
  [/^(E(HOST|NET)UNREACH|ENETDOWN|EADDRNOTAVAIL)$/, 'no route to {host}{via}'],
  [/^(ETIMEDOUT|UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT)$/, '{host} did not answer in time{via}'],
  [
    /^(ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/,
    '{host} closed the connection{via}',
  ],
  [/^TUNNEL_REFUSED$/, '{host} refuses connections to {target}{via}'],
  [/^PROXY_AUTHENTICATION_REQUIRED$/, '{host} requires a valid user name and password{via}'],
  [/^CERT_HAS_EXPIRED$/, `the certificate of {host} has expired, ${clockHint}`],
  [/^CERT_NOT_YET_VALID$/, `the certificate of {host} is not yet valid, ${clockHint}`],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'the certificate of {host} is for another host name'],
  [
    /SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)|^CERT_|^INVALID_(CA|PURPOSE)/,
    'the certificate of {host} is not trusted ({code})',
  ],
  [/^HTTPParserError$/, '{host} did not answer with HTTP'],
  [/^(ERR_SSL_|EPROTO$)/, 'TLS handshake with {host} failed ({code})'],
  [/^/, 'the request to {host} failed ({code})'],
];
