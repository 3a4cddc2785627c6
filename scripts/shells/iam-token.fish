# For ~/.config/fish/config.fish: iam-token completion fish | source

function __iam_token_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l found (command iam-token __complete $words[2..-1] "$typed" 2>/dev/null)
    if test "$found[1]" = files
        set -l option (string match -r -- '^--[^=]*=' "$typed")
        for file in (__fish_complete_path (string replace -r -- '^--[^=]*=' '' "$typed"))
            printf '%s\n' "$option$file"
        end
    else
        printf '%s\n' $found[2..-1]
    end
end
complete -c iam-token -f -a '(__iam_token_complete)'

# For the prompt: function fish_right_prompt; iam_token_prompt; end
# One question to the daemon: which profile, and how long its token lives. Prints nothing where there is no daemon.
function iam_token_prompt
    set -l profile
    # The one that is named is the only one in the answer.
    set -l mark true
    if set -q IAM_TOKEND_PROFILE; and test -n "$IAM_TOKEND_PROFILE"
        set profile --profile=$IAM_TOKEND_PROFILE
        set mark '(?:true|false)'
    end
    set -l json (command iam-token status --json --timeout 250ms $profile 2>/dev/null </dev/null); or return 0
    set -l found (string match -r -- '\{"profile":"((?:[^"\\\\]|\\\\.)*)","isDefault":'$mark',.*?"state":"(\w+)".*?"timeLeftMs":(\w+)' $json); or return 0
    set -l left (string replace -a _ ' ' $found[3])
    if string match -qr '^\d{5,}$' -- $found[4]; and test $found[4] -ge 60000
        set -l minutes (math -s 0 $found[4] / 60000)
        set left $minutes'm'
        test $minutes -ge 60; and set left (math -s 0 $minutes / 60)h(math $minutes % 60)m
        test $found[3] = ok; or set left $left!
    end
    printf '%s %s ' (string replace -a '\\"' '"' -- $found[2]) $left
end
