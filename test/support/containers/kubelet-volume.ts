import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';

/**
 * A ConfigMap or projected volume as the kubelet writes it (pkg/volume/util/atomic_writer.go, Kubernetes 1.34): the files are
 * in a folder with a time in its name, `..data` leads there, and the visible names lead through `..data`. An update
 * replaces `..data` by a rename and removes the old folder.
 */
export class KubeletVolume {
  readonly folder: string;
  readonly #uid: number;

  /** @param uid of the containers: the owner of the files of a projected token, which has mode 0600 */
  constructor(folder: string, uid: number) {
    this.folder = folder;
    this.#uid = uid;
    mkdirSync(folder, { recursive: true });
  }

  write(files: Readonly<Record<string, string>>, mode = 0o600): void {
    const next = mkdtempSync(join(this.folder, '..2026_11_30_12_00_00.'));
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(next, name), text, { mode });
      chownSync(join(next, name), this.#uid, this.#uid);
    }
    chmodSync(next, 0o755);
    const data = join(this.folder, '..data');
    const previous = this.#readLink(data);
    symlinkSync(basename(next), join(this.folder, '..data_tmp'));
    renameSync(join(this.folder, '..data_tmp'), data);
    if (previous !== null) rmSync(join(this.folder, previous), { recursive: true });
    for (const name of Object.keys(files)) {
      const visible = join(this.folder, name);
      if (this.#readLink(visible) === null) symlinkSync(`..data/${name}`, visible);
    }
  }

  #readLink(path: string): string | null {
    try {
      return readlinkSync(path);
    } catch {
      return null; // It does not exist yet.
    }
  }
}
