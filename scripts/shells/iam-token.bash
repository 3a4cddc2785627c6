# Add to ~/.bashrc: eval "$(iam-token completion bash)"

_iam_token() {
  local kind='' word
  COMPREPLY=()
  {
    IFS= read -r kind
    while IFS= read -r word; do COMPREPLY+=("$word"); done
  } < <(command iam-token __complete --bash "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
  case $kind in
    files) compopt -o default 2>/dev/null ;;
    command\ *) _iam_token_command "${kind#command }" ;;
  esac
}

# Completes the command line of another program, which begins at this character of COMP_LINE, as if it stood alone.
_iam_token_command() {
  local before=${COMP_LINE:0:$1} index=0 loader name
  while [[ $before == *[![:space:]]* ]]; do
    # The words do not belong to this line.
    if ((index >= COMP_CWORD)); then return; fi
    before=${before#*"${COMP_WORDS[index]}"}
    index=$((index + 1))
  done
  # bash-completion, by its names since 2.12 and before.
  for loader in _comp_command_offset _command_offset; do
    if declare -F "$loader" >/dev/null; then "$loader" "$index"; return; fi
  done
  if [ "$index" = "$COMP_CWORD" ]; then
    while IFS= read -r name; do COMPREPLY+=("$name"); done < <(compgen -c -- "${COMP_WORDS[index]}")
    return
  fi
  COMP_WORDS=("${COMP_WORDS[@]:index}") COMP_CWORD=$((COMP_CWORD - index))
  COMP_LINE=${COMP_LINE:$1} COMP_POINT=$((COMP_POINT - $1))
  name=${COMP_WORDS[0]##*/}
  if [[ $(complete -p "$name" 2>/dev/null) =~ ' -F '([^ ]+) ]]; then
    "${BASH_REMATCH[1]}" "$name" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
  else compopt -o default 2>/dev/null
  fi
}
complete -F _iam_token iam-token

# For a prompt: PS1='$(iam_token_prompt)'$PS1
# Returns the status of the last command, so that $? in the rest of the prompt still shows it.
iam_token_prompt() {
  local status=$? segment
  segment=$(command iam-token prompt 2>/dev/null </dev/null)
  printf '%s' "${segment:+$segment }"
  return "$status"
}
