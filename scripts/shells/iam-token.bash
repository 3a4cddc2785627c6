# For ~/.bashrc: eval "$(iam-token completion bash)"

_iam_token() {
  local kind='' word
  COMPREPLY=()
  {
    IFS= read -r kind
    while IFS= read -r word; do COMPREPLY+=("$word"); done
  } < <(command iam-token __complete --bash "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
  if [ "$kind" = files ]; then compopt -o default 2>/dev/null; fi
}
complete -F _iam_token iam-token

# For the prompt: PS1='$(iam_token_prompt)'$PS1
# One question to the daemon: which profile, and how long its token lives. Prints nothing where there is no daemon.
iam_token_prompt() {
  local json mark='","isDefault":true' name state left
  json=$(command iam-token status --json --timeout 250ms \
    ${IAM_TOKEND_PROFILE:+"--profile=$IAM_TOKEND_PROFILE"} 2>/dev/null </dev/null) || return 0
  # The one that was named is the only one in the answer.
  if [ -n "${IAM_TOKEND_PROFILE-}" ]; then mark='","isDefault":'; fi
  case $json in *"$mark"*) ;; *) return 0 ;; esac
  name=${json%%"$mark"*} json=${json#*"$mark"}
  name=${name##*'{"profile":"'}
  state=${json#*'"state":"'} left=${json#*'"timeLeftMs":'}
  state=${state%%'"'*} left=${left%%[!0-9]*}
  left=$((${left:-0} / 60000))
  if [ "$left" = 0 ]; then left=${state//_/ }
  else
    if [ "$left" -ge 60 ]; then left=$((left / 60))h$((left % 60))m; else left=${left}m; fi
    if [ "$state" != ok ]; then left=$left!; fi
  fi
  printf '%s %s ' "${name//\\\"/\"}" "$left"
}
