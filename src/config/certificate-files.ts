/** The files of certificates that connections trust besides the authorities that Node contains. */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { FileDeadline } from '../files/file-deadline.ts';
import { errorReason } from '../shared/error-utils.ts';
import { parsePemCertificates } from './pem-certificates.ts';
import { ConfigError } from './read-config.ts';
import { type FileReading, readWithAccess } from './read-with-access.ts';

/** A file of certificates that a user other than root can write to. */
export interface CertificateAnchor {
  readonly path: string;
  /** Of its content, in hexadecimal. */
  readonly sha256: string;
}

export interface TrustedCertificates {
  /** In PEM; the same array until one of the files changes. */
  readonly certificates: readonly string[];
  readonly anchors: readonly CertificateAnchor[];
  /** Why a changed file is not used; each reason once. */
  readonly warnings: readonly string[];
}

/** The content of a file in use. */
interface AcceptedFile {
  readonly certificates: readonly string[];
  readonly sha256: string;
  readonly isRootOnly: boolean;
}

/** Reads the files again when they change. A file that is not valid, or cannot be read in time, counts as unchanged. */
export class CertificateFiles {
  readonly #caFile: string | null;
  readonly #paths: readonly string[];
  readonly #uid: number | null;
  readonly #deadline: FileDeadline;
  readonly #readings = new Map<string, FileReading>();
  readonly #accepted = new Map<string, AcceptedFile>();
  /** Why the content that was last read is not in use. */
  readonly #rejections = new Map<string, string>();
  /** The last warning about each file. */
  readonly #warnings = new Map<string, string>();
  #current: Omit<TrustedCertificates, 'warnings'> = { certificates: [], anchors: [] };

  /**
   * @param caFile `network.caFile`
   * @param extraCaFile of `NODE_EXTRA_CA_CERTS`
   * @param uid of the daemon; `null` on Windows
   */
  constructor(caFile: string | null, extraCaFile: string | null, uid: number | null, deadline: FileDeadline) {
    this.#deadline = deadline;
    this.#caFile = caFile === null ? null : resolve(caFile);
    this.#paths = [caFile, extraCaFile].filter((path) => path !== null).map((path) => resolve(path));
    this.#uid = uid;
  }

  /** @throws ConfigError if `network.caFile` cannot be read the first time */
  async read(): Promise<TrustedCertificates> {
    const warnings: string[] = [];
    for (const path of this.#paths) {
      const reason = await this.#refresh(path);
      const isInUse = this.#accepted.has(path);
      // Without its content, credentials that trust it would be rejected.
      if (reason !== null && !isInUse && path === this.#caFile)
        throw new ConfigError(`network.caFile: ${path} ${reason}`);
      const isNew = reason !== null && reason !== this.#warnings.get(path);
      if (reason === null) this.#warnings.delete(path);
      else this.#warnings.set(path, reason);
      const consequence = isInUse ? 'its previous content stays in use' : 'it is ignored';
      if (isNew) warnings.push(`${path} ${reason}; ${consequence}`);
    }
    return { ...this.#current, warnings };
  }

  /** @returns why the content of the file cannot be used; `null` if it is in use */
  async #refresh(path: string): Promise<string | null> {
    let reading: FileReading;
    try {
      reading = await this.#deadline.run(`certificates of ${path}`, () =>
        readWithAccess(path, this.#uid, this.#readings.get(path)),
      );
    } catch (cause) {
      return `cannot be read: ${errorReason(cause)}`;
    }
    const { text, isRootOnly } = reading;
    // Another call may have shared this reading.
    const known = this.#readings.get(path);
    this.#readings.set(path, reading);
    if (text === known?.text && isRootOnly === known.isRootOnly) return this.#rejections.get(path) ?? null;
    const { certificates, violations } = parsePemCertificates(text);
    // The configuration was rejected if caFile is not valid; NODE_EXTRA_CA_CERTS may be.
    const isUsable = certificates.length > 0 && (violations.length === 0 || !this.#accepted.has(path));
    if (!isUsable) {
      const reason = violations.join('; ');
      this.#rejections.set(path, reason);
      return reason;
    }
    this.#rejections.delete(path);
    const sha256 = createHash('sha256').update(text).digest('hex');
    this.#accepted.set(path, { certificates, sha256, isRootOnly });
    const files = [...this.#accepted];
    this.#current = {
      certificates: files.flatMap(([, file]) => file.certificates),
      anchors: files.filter(([, file]) => !file.isRootOnly).map(([path, { sha256 }]) => ({ path, sha256 })),
    };
    return null;
  }
}
