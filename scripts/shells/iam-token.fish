# Add to ~/.config/fish/config.fish: iam-token completion fish | source

function __iam_token_complete
    set -l words (commandline -opc)
    set -l current_word (commandline -ct)
    set -l output (command iam-token __complete $words[2..-1] "$current_word" 2>/dev/null)
    if test "$output[1]" = files
        set -l option (string match -r -- '^--[^=]*=' "$current_word")
        for file in (__fish_complete_path (string replace -r -- '^--[^=]*=' '' "$current_word"))
            printf '%s\n' "$option$file"
        end
    else if set -l index (string replace --filter -r '^command ' '' -- $output[1])
        # The command line of another program, as if it stood alone.
        set -l program_words (string escape -- $words[(math $index + 2)..-1])
        complete -C (string join ' ' -- $program_words "$current_word")
    else
        printf '%s\n' $output[2..-1]
    end
end
complete -c iam-token -f -a '(__iam_token_complete)'

# For a prompt: function fish_right_prompt; iam_token_prompt; end
# Returns the status of the last command, so that $status in the rest of the prompt still shows it.
function iam_token_prompt
    set -l last_status $status
    set -l segment (command iam-token prompt 2>/dev/null </dev/null)
    test -n "$segment"; and printf '%s ' "$segment"
    return $last_status
end
