import { QuietEnd } from './endings.ts';
import { isTerminal, say } from './terminal.ts';
import { visible } from './visible.ts';

/** Whether there is a person to ask. */
export function canAsk(): boolean {
  return isTerminal('stdin') && isTerminal('stderr');
}

/**
 * @param usual what an empty answer means
 * @throws QuietEnd where the terminal is gone
 */
export async function askYesNo(question: string, usual: 'yes' | 'no'): Promise<boolean> {
  const { stdin } = process;
  say(`${visible(question)} ${usual === 'yes' ? '[Y/n]' : '[y/N]'} `);
  const answer = await new Promise<string>((resolve, reject) => {
    stdin.setEncoding('utf8').once('data', (line: string) => resolve(line.trim().toLowerCase()));
    stdin.once('end', () => reject(new QuietEnd('interrupted')));
    stdin.resume();
  });
  stdin.pause();
  return (answer === '' ? usual : answer).startsWith('y');
}
