import { holdToShellContract } from './shell-contract.ts';

describe('bash', () => {
  holdToShellContract({
    name: 'bash',
    startFile: '.bashrc',
    start: [
      'eval "$(iam-token completion bash)"',
      "bind 'set bell-style none'",
      "PROMPT_COMMAND='n=$((n + 1))'",
      "PS1='ready$n:'",
    ].join('\n'),
    prompt: "PS1='$(iam_token_prompt)'$PS1",
    interactive: ['bash', '-i'],
    run: ['bash', '-c', 'eval "$(iam-token completion bash)"; iam_token_prompt'],
    percent: '%',
  });
});
