import { holdToShellContract } from '../scripts/shell-contract.ts';

describe('zsh', function () {
  this.timeout(60_000);
  holdToShellContract({
    name: 'zsh',
    startFile: '.zshrc',
    start: [
      'autoload -Uz compinit; compinit -D',
      'eval "$(iam-token completion zsh)"',
      'precmd() { n=$((n + 1)) }',
      "setopt prompt_subst; PROMPT='ready$n:'",
    ].join('\n'),
    prompt: "PROMPT='$(iam_token_prompt)'$PROMPT",
    interactive: ['zsh', '-i'],
    run: ['zsh', '-fc', 'compdef() { }; eval "$(iam-token completion zsh)"; iam_token_prompt'],
    percent: '%%',
  });
});

describe('fish', function () {
  this.timeout(60_000);
  holdToShellContract({
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
    interactive: ['fish', '-i'],
    run: ['fish', '--no-config', '-c', 'iam-token completion fish | source; iam_token_prompt'],
    percent: '%',
  });
});
