# For ~/.zshrc, below compinit: eval "$(iam-token completion zsh)"

_iam_token() {
  local kind line
  local -a found
  {
    IFS= read -r kind
    while IFS= read -r line; do found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}"); done
  } < <(command iam-token __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)
  if [[ $kind == files ]]; then
    compset -P '--[^=]#='
    _files
  else
    _describe iam-token found
  fi
}
compdef _iam_token iam-token

# For the prompt: setopt prompt_subst; PROMPT='$(iam_token_prompt)'$PROMPT
# One question to the daemon: which profile, and how long its token lives. Prints nothing where there is no daemon.
iam_token_prompt() {
  emulate -L zsh
  local json mark='","isDefault":true' name state left
  json=$(command iam-token status --json --timeout 250ms \
    ${IAM_TOKEND_PROFILE:+"--profile=$IAM_TOKEND_PROFILE"} 2>/dev/null </dev/null) || return 0
  # The one that was named is the only one in the answer.
  if [[ -n $IAM_TOKEND_PROFILE ]]; then mark='","isDefault":'; fi
  [[ $json == *"$mark"* ]] || return 0
  name=${json%%"$mark"*} json=${json#*"$mark"}
  name=${name##*'{"profile":"'}
  state=${json#*'"state":"'} left=${json#*'"timeLeftMs":'}
  state=${state%%'"'*} left=${left%%[^0-9]*}
  left=$((${left:-0} / 60000))
  if [[ $left == 0 ]]; then left=${state//_/ }
  else
    if ((left >= 60)); then left=$((left / 60))h$((left % 60))m; else left=${left}m; fi
    if [[ $state != ok ]]; then left=$left!; fi
  fi
  name=${name//\\\"/\"}
  # A prompt takes % for its own.
  print -rn -- "${name//\%/%%} $left "
}
