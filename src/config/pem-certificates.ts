import { X509Certificate } from 'node:crypto';
import { readTextAsync } from '../files/read-guarded-file.ts';
import { errorMessage, errorReason } from '../shared/error-utils.ts';

export interface PemCertificates {
  /** Each in PEM. */
  readonly certificates: readonly string[];
  /** Why a certificate cannot be used, with its line: `line 12: not a valid certificate (wrong tag)`. */
  readonly violations: readonly string[];
}

interface Marker {
  readonly index: number;
  readonly verb: string | undefined;
  readonly label: string | undefined;
}

/** RFC 7468, section 5; the other labels are those of OpenSSL. */
const markerPattern = /^-----(?<verb>BEGIN|END) (?<label>(?:X509 |TRUSTED )?CERTIFICATE)-----$/;

/**
 * Reads every certificate of a text in PEM, which may also contain comments, keys and empty lines. OpenSSL itself stops
 * at the first invalid certificate without an error, and would ignore those behind it.
 */
export function parsePemCertificates(text: string): PemCertificates {
  const certificates: string[] = [];
  const violations: string[] = [];
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim());
  const markers = lines.flatMap((line, index): readonly Marker[] => {
    const groups = markerPattern.exec(line)?.groups;
    return groups === undefined ? [] : [{ index, verb: groups['verb'], label: groups['label'] }];
  });
  for (const [position, marker] of markers.entries()) {
    const { index, verb, label } = marker;
    const lineName = `line ${index + 1}`;
    const next = markers[position + 1];
    if (verb === 'END') {
      if (!isPair(markers[position - 1], marker))
        violations.push(`${lineName}: no certificate begins before this line`);
    } else if (next !== undefined && isPair(marker, next)) {
      const pem = `${lines.slice(index, next.index + 1).join('\n')}\n`;
      const reason = findInvalidity(pem);
      if (reason === null) certificates.push(pem);
      else violations.push(`${lineName}: not a valid certificate (${reason})`);
    } else violations.push(`${lineName}: the certificate has no line "-----END ${label}-----"`);
  }
  if (markers.length === 0) violations.push(describeOtherContent(text));
  return { certificates, violations };
}

function isPair(begin: Marker | undefined, end: Marker): boolean {
  return begin?.verb === 'BEGIN' && end.verb === 'END' && begin.label === end.label;
}

/** As `parsePemCertificates`; a file that cannot be read is a violation. */
export async function readPemCertificates(
  path: string,
  readText: (path: string) => Promise<string> = readTextAsync,
): Promise<PemCertificates> {
  try {
    return parsePemCertificates(await readText(path));
  } catch (cause) {
    return { certificates: [], violations: [`cannot be read: ${errorReason(cause)}`] };
  }
}

/** @returns the reason of OpenSSL; `null` for a valid certificate */
function findInvalidity(pem: string): string | null {
  try {
    void new X509Certificate(pem);
    return null;
  } catch (error) {
    const { reason } = error as { readonly reason?: unknown };
    return typeof reason === 'string' ? reason : errorMessage(error);
  }
}

/** A certificate or a PKCS #12 file in DER: a long SEQUENCE, whose second byte is not UTF-8. */
const derPattern = /^0\uFFFD/;

function describeOtherContent(text: string): string {
  if (derPattern.test(text))
    return 'contains no PEM certificate but binary data, such as DER; convert it with openssl x509 -inform der';
  const label = /^\s*-----BEGIN ([A-Z0-9 #]+)-----/m.exec(text)?.[1];
  return label === undefined ? 'contains no PEM certificate' : `contains no PEM certificate, only a ${label}`;
}
