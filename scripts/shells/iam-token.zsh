# Add to ~/.zshrc, after compinit: eval "$(iam-token completion zsh)"

_iam_token() {
  local kind line
  local -a suggestions
  {
    IFS= read -r kind
    while IFS= read -r line; do suggestions+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}"); done
  } < <(command iam-token __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)
  if [[ $kind == files ]]; then
    compset -P '--[^=]#='
    _files
  elif [[ $kind == command\ * ]]; then
    # The command line of another program, as if it stood alone.
    shift $((${kind#command } + 1)) words
    ((CURRENT -= ${kind#command } + 1))
    _normal
  else
    _describe iam-token suggestions
  fi
}
compdef _iam_token iam-token

# For a prompt: setopt prompt_subst; PROMPT='$(iam_token_prompt)'$PROMPT
# Returns the status of the last command, so that $? in the rest of the prompt still shows it.
iam_token_prompt() {
  local last_status=$? segment
  emulate -L zsh
  segment=$(command iam-token prompt 2>/dev/null </dev/null)
  # zsh expands % in a prompt.
  print -rn -- "${${segment:+$segment }//\%/%%}"
  return $last_status
}
