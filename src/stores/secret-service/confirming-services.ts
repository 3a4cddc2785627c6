import { readProgramName } from '../../files/program-name.ts';
import type { SecretServiceClient } from './secret-service-client.ts';

export interface ServiceIdentity {
  /** For messages. */
  readonly name: string;
  /** Cannot search a collection that is locked, so an item that it does not find may exist. */
  readonly searchesUnlockedOnly: boolean;
}

const keePassXC: ServiceIdentity = { name: 'KeePassXC', searchesUnlockedOnly: true };

/**
 * Services that may ask the user before they give out, replace or remove a single item, although its collection is open:
 * KeePassXC, whatever its settings are, and each that has asked once.
 */
export class ConfirmingServices {
  readonly #readProcessName: (pid: number) => string | null;
  readonly #names = new Set([keePassXC.name]);

  constructor(readProcessName: (pid: number) => string | null = readNameOfProcess) {
    this.#readProcessName = readProcessName;
  }

  /** The service behind the bus name, by its process. */
  async identify(client: SecretServiceClient): Promise<ServiceIdentity> {
    const { pid } = await client.readOwner();
    const processName = pid === null ? null : this.#readProcessName(pid);
    if (processName !== null && /^keepassxc/i.test(processName)) return keePassXC;
    return { name: processName ?? 'the keychain service', searchesUnlockedOnly: false };
  }

  add({ name }: ServiceIdentity): void {
    this.#names.add(name);
  }

  has({ name }: ServiceIdentity): boolean {
    return this.#names.has(name);
  }
}

/** Linux. `null` for a process that cannot be seen, such as outside of this container. */
function readNameOfProcess(pid: number): string | null {
  try {
    const name = readProgramName(pid);
    return /^[\x20-\x7e]+$/.test(name) ? name : null;
  } catch {
    return null;
  }
}
