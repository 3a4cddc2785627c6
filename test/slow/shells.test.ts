import { describeShellContract } from '../scripts/shell-contract.ts';

describe('zsh', () => {
  describeShellContract({
    name: 'zsh',
    startFile: '.zshrc',
    start: [
      'autoload -Uz compinit; compinit -D',
      'eval "$(iam-token completion zsh)"',
      'precmd() { n=$((n + 1)) }',
      "setopt prompt_subst; PROMPT='ready$n:'",
    ].join('\n'),
    prompt: "PROMPT='$(iam_token_prompt)'$PROMPT",
    programCompletion:
      '_unlikely() { compadd -- --first-option --second-option }; compdef _unlikely unlikely-program',
    interactive: ['zsh', '-i'],
    run: ['zsh', '-fc', 'compdef() { }; eval "$(iam-token completion zsh)"; iam_token_prompt'],
    failingCommand: '(exit 7)',
    printStatus: 'echo $?',
    escapedPercent: '%%',
  });
});

describe('fish', () => {
  describeShellContract({
    name: 'fish',
    startFile: '.config/fish/config.fish',
    start: [
      'iam-token completion fish | source',
      'function fish_greeting; end',
      'set -g n 0',
      'function tick --on-event fish_prompt; set -g n (math $n + 1); end',
      'function fish_prompt; printf "ready%s:" $n; end',
    ].join('\n'),
    prompt: 'function fish_right_prompt; iam_token_prompt; end',
    programCompletion:
      'complete -c unlikely-program -f -l first-option; complete -c unlikely-program -f -l second-option',
    interactive: ['fish', '-i'],
    run: ['fish', '--no-config', '-c', 'iam-token completion fish | source; iam_token_prompt'],
    failingCommand: "sh -c 'exit 7'",
    printStatus: 'echo $status',
    escapedPercent: '%',
  });
});
