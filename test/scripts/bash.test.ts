import { describeShellContract } from './shell-contract.ts';

describe('bash', () => {
  describeShellContract({
    name: 'bash',
    startFile: '.bashrc',
    start: [
      'eval "$(iam-token completion bash)"',
      "bind 'set bell-style none'",
      "PROMPT_COMMAND='n=$((n + 1))'",
      "PS1='ready$n:'",
    ].join('\n'),
    prompt: "PS1='$(iam_token_prompt)'$PS1",
    programCompletion:
      '_unlikely() { mapfile -t COMPREPLY < <(compgen -W \'--first-option --second-option\' -- "$2"); }\n' +
      'complete -F _unlikely unlikely-program',
    interactive: ['bash', '-i'],
    run: ['bash', '-c', 'eval "$(iam-token completion bash)"; iam_token_prompt'],
    failingCommand: '(exit 7)',
    printStatus: 'echo $?',
    escapedPercent: '%',
  });
});
