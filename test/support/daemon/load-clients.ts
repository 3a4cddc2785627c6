/**
 * Many clients in one process, each of which sends requests one after the other until the end of stdin:
 * node load-clients.js MODULE COUNT, where MODULE is the file of `iam-tokend/client`.
 * Prints `started`, and at the end a `LoadReport` as one line of JSON.
 */
import { argv, stdin, stdout } from 'node:process';
import { pathToFileURL } from 'node:url';
import type * as client from '../../../src/client/iam-token-client.ts';

export interface LoadReport {
  readonly responseCount: number;
  /** The fewest responses of one client. */
  readonly minResponseCount: number;
  readonly failures: readonly string[];
}

const [, , modulePath = '', clientCount = ''] = argv;
const { getIamToken } = (await import(pathToFileURL(modulePath).href)) as typeof client;
const failures: string[] = [];
let isStdinClosed = false;
stdin.on('end', () => (isStdinClosed = true)).resume();

async function requestRepeatedly(): Promise<number> {
  let responseCount = 0;
  while (!isStdinClosed) {
    try {
      await getIamToken({ timeoutMs: 30_000 });
      responseCount += 1;
    } catch (error) {
      failures.push(String(error));
      return responseCount;
    }
    // Shell clients do not send ten thousand requests a second, and the daemon must have time for other work.
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return responseCount;
}

stdout.write('started\n');
const responseCounts = await Promise.all(Array.from({ length: Number(clientCount) }, requestRepeatedly));
const report: LoadReport = {
  responseCount: responseCounts.reduce((sum, subtotal) => sum + subtotal, 0),
  minResponseCount: Math.min(...responseCounts),
  failures,
};
stdout.write(`${JSON.stringify(report)}\n`);
