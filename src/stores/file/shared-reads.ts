import type { Interaction } from '../credential-store.ts';
import type { Items } from './sealed-file.ts';

/** Calls that wait share one read and decryption of the file, such as those of all profiles at a start. */
export class SharedReads {
  readonly #read: (interaction: Interaction, onStart: () => void) => Promise<Items>;
  readonly #waiting = new Map<Interaction, Promise<Items>>();

  /** @param read calls `onStart` when it starts to read; later calls then need another read */
  constructor(read: (interaction: Interaction, onStart: () => void) => Promise<Items>) {
    this.#read = read;
  }

  get(interaction: Interaction): Promise<Items> {
    const waiting = this.#waiting.get(interaction);
    if (waiting !== undefined) return waiting;
    const end = (): void => {
      if (this.#waiting.get(interaction) === read) this.#waiting.delete(interaction);
    };
    const read = this.#read(interaction, end);
    this.#waiting.set(interaction, read);
    read.catch(end); // It may have failed before it started.
    return read;
  }

  /** Later calls see what follows now, such as a change of the file. */
  separate(): void {
    this.#waiting.clear();
  }
}
