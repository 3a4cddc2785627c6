/** Asks on a terminal which kind of credential to log in with, and for what it needs. */
import { statSync } from 'node:fs';
import { programCandidates } from '../../../platform/program-candidates.ts';
import { isExternalProgram } from '../../../platform/process-context.ts';
import { isResourceId, resourceIdRule } from '../../../shared/resource-id.ts';
import { oauthEndDates } from '../../../sources/kinds/oauth-sunset.ts';
import type { CommandContext } from '../../command.ts';
import { listKeyFiles } from '../../keys/key-files.ts';
import { escapeControlCharacters } from '../../terminal/escape.ts';
import { expandHome, promptLine, type LinePrompt } from '../../terminal/prompt-line.ts';
import { printNote, writeStderr } from '../../terminal/terminal.ts';
import { hasVmAccount } from './find-vm-account.ts';

type Options = Readonly<Record<string, string>>;

interface Choice {
  readonly text: string;
  /** The options of `login` that select the kind, with what the user answers. */
  readonly readOptions: () => Options | Promise<Options>;
}

/**
 * @returns the context as if the user had typed the options of a kind
 * @throws SilentExit on Ctrl-C
 */
export async function chooseKind(context: CommandContext): Promise<CommandContext> {
  const choices = await listChoices(context);
  const list = choices
    .map(({ text }, index) => `  ${index + 1}. ${escapeControlCharacters(text)}\n`)
    .join('');
  writeStderr(`Which credential should the daemon use?\n\n${list}\n`);
  const prompt = { message: `Choose 1 to ${choices.length}`, defaultAnswer: '1' };
  const choice = await promptUntilValid(prompt, `type a number from 1 to ${choices.length}`, (answer) =>
    /^\d{1,2}$/.test(answer) ? choices[Number(answer) - 1] : undefined,
  );
  const chosenOptions = Object.entries(await choice.readOptions());
  return { ...context, options: new Map([...context.options, ...chosenOptions]) };
}

/** The likeliest first. */
async function listChoices({ clock, options, processContext }: CommandContext): Promise<readonly Choice[]> {
  const yc = programCandidates('yc', processContext).find(isExternalProgram);
  const endpoint = options.get('endpoint') || processContext.env['IAM_TOKEND_IAM_ENDPOINT'] || undefined;
  const home = processContext.home();
  return [
    ...(yc === undefined ? [] : [{ text: `yc: its current login (${yc})`, readOptions: () => ({ yc: '' }) }]),
    ...((await hasVmAccount(endpoint, clock))
      ? [{ text: 'service account of this VM', readOptions: () => ({ metadata: '' }) }]
      : []),
    {
      text: 'authorized key of a service account, in a file',
      readOptions: () => readKeyOptions(processContext),
    },
    {
      text: 'workload identity: an OIDC token in a file, of Kubernetes or a CI system',
      readOptions: () => readWorkloadOptions(home),
    },
    { text: `OAuth token (${oauthEndDates})`, readOptions: () => ({ oauth: '' }) },
  ];
}

async function readKeyOptions(processContext: CommandContext['processContext']): Promise<Options> {
  const home = processContext.home();
  const [defaultAnswer] = listKeyFiles(home, processContext.uid);
  return { 'service-account-key': await promptFile({ message: 'Key file', defaultAnswer, home }) };
}

async function readWorkloadOptions(home: string): Promise<Options> {
  const account = await promptUntilValid(
    { message: 'ID of the service account' },
    `the service account ${resourceIdRule}`,
    (answer) => (isResourceId(answer) ? answer : undefined),
  );
  const tokenFile = await promptFile({ message: 'File with the OIDC token', home });
  return { 'workload-identity': account, 'token-file': tokenFile };
}

/** Quotes around a path that was pasted are dropped. */
function promptFile(prompt: LinePrompt & { readonly home: string }): Promise<string> {
  return promptUntilValid(prompt, 'no such file', (answer) => {
    const path = expandHome(answer.replace(/^(['"])(.+)\1$/, '$2'), prompt.home);
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === false ? path : undefined;
  });
}

async function promptUntilValid<T>(
  prompt: LinePrompt,
  rule: string,
  parse: (answer: string) => T | undefined,
): Promise<T> {
  for (;;) {
    const answer = await promptLine(prompt);
    const value = answer === '' ? undefined : parse(answer);
    if (value !== undefined) return value;
    printNote(answer === '' ? rule : `${rule}: ${answer}`);
  }
}
