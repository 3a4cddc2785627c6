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
  const by = address === null || address === host ? '' : ` (${address})`;
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
      return `the name ${hostname ?? host} cannot be resolved`;
    case 'ECONNREFUSED':
      return `the connection to ${host} was refused${by}`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ENETDOWN':
    case 'EADDRNOTAVAIL':
      return `there is no way through the network to ${host}${by}`;
    case 'ETIMEDOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return `${host} did not answer in time${by}`;
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
      return `the connection to ${host} was cut off`;
    case 'UND_ERR_ABORTED':
      return `the proxy lets no connection through to ${host}`;
    case 'CERT_HAS_EXPIRED':
      return `the certificate of ${host} has expired, or the clock of this machine is wrong`;
    case 'CERT_NOT_YET_VALID':
      return `the certificate of ${host} is not valid yet, or the clock of this machine is wrong`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `the certificate of ${host} is made out to another name`;
    case 'UND_ERR_PRX_TLS':
      return 'the certificate of the proxy is made out to another name';
    default:
      return byKindOfCode(code, host);
  }
}

/** X.509 errors as Node names them: nodejs.org/api/tls.html, "X509 certificate error codes". */
const untrusted = /SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY)|^CERT_|^INVALID_(?:CA|PURPOSE)/;

function byKindOfCode(code: string, host: string): string {
  if (untrusted.test(code)) return `the certificate of ${host} is not trusted (${code})`;
  if (code === 'HTTPParserError') return `${host} answered with something that is not HTTP`;
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO') return `no secure connection to ${host} (${code})`;
  return `the request to ${host} failed (${code})`;
}
