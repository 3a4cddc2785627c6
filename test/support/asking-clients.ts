/**
 * Many clients in one process, each asking anew as soon as it is answered, until the end of stdin:
 * node asking-clients.js MODULE COUNT, where MODULE is the file of `iam-tokend/client`.
 * Prints `asking`, and at the end what came of it as one line of JSON.
 */
import { argv, stdin, stdout } from 'node:process';
import { pathToFileURL } from 'node:url';
import type * as client from '../../src/client/iam-token-client.ts';

export interface Asked {
  readonly answered: number;
  /** The fewest answers that one of them has got. */
  readonly fewest: number;
  readonly failures: readonly string[];
}

const [, , module = '', count = ''] = argv;
const { getIamToken } = (await import(pathToFileURL(module).href)) as typeof client;
const failures: string[] = [];
let isOver = false;
stdin.on('end', () => (isOver = true)).resume();

async function ask(): Promise<number> {
  let answered = 0;
  while (!isOver) {
    try {
      await getIamToken({ timeoutMs: 30_000 });
      answered += 1;
    } catch (error) {
      failures.push(String(error));
      return answered;
    }
    // A client in a shell does not ask ten thousand times a second, and the daemon shall come to other things.
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return answered;
}

stdout.write('asking\n');
const each = await Promise.all(Array.from({ length: Number(count) }, ask));
const asked: Asked = {
  answered: each.reduce((sum, answers) => sum + answers, 0),
  fewest: Math.min(...each),
  failures,
};
stdout.write(`${JSON.stringify(asked)}\n`);
