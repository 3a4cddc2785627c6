import { readPemCertificates } from './pem-certificates.ts';

export interface ExtraCertificates {
  /** Of the file; `null` if it is not used. */
  readonly path: string | null;
  /** In PEM; empty without the variable. */
  readonly certificates: readonly string[];
  /** Why the file, or a part of it, is ignored. */
  readonly warnings: readonly string[];
}

/**
 * The certificates of `NODE_EXTRA_CA_CERTS`, Node's own variable for further authorities. Node adds them to its default
 * list only, and our connections do not use that list. Other programs use the variable too, so an invalid certificate is
 * not an error; Node would silently ignore those behind it.
 */
export async function readExtraCertificates(
  environment: Readonly<Record<string, string | undefined>>,
  readFileText: (path: string) => Promise<string>,
): Promise<ExtraCertificates> {
  const path = environment['NODE_EXTRA_CA_CERTS'] ?? '';
  if (path === '') return { path: null, certificates: [], warnings: [] };
  const { certificates, violations } = await readPemCertificates(path, readFileText);
  if (certificates.length > 0) {
    const warnings = violations.map(
      (violation) => `NODE_EXTRA_CA_CERTS: a certificate is ignored: ${path} ${violation}`,
    );
    return { path, certificates, warnings };
  }
  const warnings = violations.map((violation) => `NODE_EXTRA_CA_CERTS is ignored: ${path} ${violation}`);
  return { path: null, certificates, warnings };
}
