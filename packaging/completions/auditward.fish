# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_auditward_global_optspecs
    string join \n h/help V/version
end

function __fish_auditward_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_auditward_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_auditward_using_subcommand
    set -l cmd (__fish_auditward_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c auditward -n "__fish_auditward_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_needs_command" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_needs_command" -f -a "run" -d 'Watch this machine, in the foreground'
complete -c auditward -n "__fish_auditward_needs_command" -f -a "replay" -d 'Ask the rules about recorded audit records'
complete -c auditward -n "__fish_auditward_needs_command" -f -a "events" -d 'Print recorded audit records as events, one a line, in order of completion'
complete -c auditward -n "__fish_auditward_needs_command" -f -a "eql" -d 'Ask documents or audit records with an EQL query'
complete -c auditward -n "__fish_auditward_needs_command" -f -a "snapshot" -d 'Print this host\'s processes, to stand at the head of a recording.'
complete -c auditward -n "__fish_auditward_needs_command" -f -a "kernel-rules" -d 'The kernel\'s audit rules that the detection rules need: print, load, keep, remove, and their cost'
complete -c auditward -n "__fish_auditward_needs_command" -f -a "check" -d 'Check the configuration and the rules, and tell every fault at once'
complete -c auditward -n "__fish_auditward_needs_command" -f -a "rules" -d 'List, show, test and explain rules, or begin a new one'
complete -c auditward -n "__fish_auditward_needs_command" -f -a "exceptions" -d 'List the exceptions below exceptions.d'
complete -c auditward -n "__fish_auditward_needs_command" -f -a "alerts" -d 'List, show, follow and export the alerts that are stored on this host'
complete -c auditward -n "__fish_auditward_needs_command" -f -a "status" -d 'Show how the running daemon is: since when, how much, what was lost and where, which rules are live'
complete -c auditward -n "__fish_auditward_needs_command" -f -a "reload" -d 'Have the running daemon read rules, lists, exceptions and settings anew, and open its files anew'
complete -c auditward -n "__fish_auditward_needs_command" -f -a "canary" -d 'Be seen: prove that executions on this host reach the daemon\'s rules'
complete -c auditward -n "__fish_auditward_needs_command" -f -a "doctor" -d 'Look for everything that makes this host blind, silent or noisy, and say how it is mended'
complete -c auditward -n "__fish_auditward_needs_command" -f -a "probe" -d 'Read for the daemon what it may not read itself (started by auditward-probe.socket)'
complete -c auditward -n "__fish_auditward_using_subcommand run" -l config -d 'Configuration file [default: /etc/auditward/auditward.toml where it exists]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand run" -l rules -d 'Rule file or directory, instead of the configured ones (again for more)' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand run" -l site -d 'Where overrides.d, exceptions.d and lists.d are (and rules.d, without --rules)' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand run" -l user -d 'Account to run as when started as root [default: `auditward` where it exists, else a free number]' -r
complete -c auditward -n "__fish_auditward_using_subcommand run" -l stdout -d 'Print alerts on standard output as well'
complete -c auditward -n "__fish_auditward_using_subcommand run" -l load-kernel-rules -d 'Turn auditing on and load the kernel rules that the detection rules need; at the end, also after kill -9, take back exactly what was changed'
complete -c auditward -n "__fish_auditward_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_using_subcommand run" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand replay" -l rules -d 'Rule file or directory (again for more). Default: the installed rules, else those built in' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand replay" -l site -d 'Where overrides.d, exceptions.d and lists.d are (and rules.d, without --rules)' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand replay" -l config -d 'Hold at most what this configuration file\'s `[audit]`, `[processes]` and `[sequences]` allow' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand replay" -l format -d 'How alerts are printed. `text`: the readable line, for which less is kept of the events of sequences (but with `--summary`), so that `[sequences] bytes` is reached later; `json`: one ECS document a line; `syslog`: as it would be sent to the local log' -r -f -a "text\t''
json\t''
syslog\t''"
complete -c auditward -n "__fish_auditward_using_subcommand replay" -l jobs -d 'Read documents on so many processors. Alerts and their order are the same with any number' -r
complete -c auditward -n "__fish_auditward_using_subcommand replay" -l checkpoint -d 'Keep in FILE how far the run has come. Run again after an interruption, with the same arguments and the output appended to the same file (`>> alerts`), it goes on there, and no alert is missing or twice' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand replay" -l checkpoint-every -d 'How often: after so many MiB of input' -r
complete -c auditward -n "__fish_auditward_using_subcommand replay" -l fail-on -d 'End with status 1 when there was an alert of this severity or above' -r -f -a "low\t''
medium\t''
high\t''
critical\t''"
complete -c auditward -n "__fish_auditward_using_subcommand replay" -l secrets -d 'Passwords, tokens and keys in arguments. `mask`: each is replaced by a token, equal for equal secrets; the daemon\'s where this user may read its key, else for this run alone. `keep`: as they are' -r -f -a "mask\t''
keep\t''"
complete -c auditward -n "__fish_auditward_using_subcommand replay" -l any-index -d 'Apply rules to documents of every index, whatever their `index` says'
complete -c auditward -n "__fish_auditward_using_subcommand replay" -l summary -d 'Tell at the end how many alerts there were by rule and host, on standard error'
complete -c auditward -n "__fish_auditward_using_subcommand replay" -l progress -d 'Show how much is read, how fast, and how long it will take, also where standard error is no terminal'
complete -c auditward -n "__fish_auditward_using_subcommand replay" -l no-progress -d 'Do not show that'
complete -c auditward -n "__fish_auditward_using_subcommand replay" -l follow -d 'Read the (one) FILE as it grows, across rotation, until interrupted'
complete -c auditward -n "__fish_auditward_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_using_subcommand replay" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand events" -l format -d '`json`: one ECS document a line (NDJSON). `text`: one line to read' -r -f -a "json\t''
text\t''"
complete -c auditward -n "__fish_auditward_using_subcommand events" -l secrets -d 'Passwords, tokens and keys in arguments. `mask`: each is replaced by a token, equal for equal secrets; the daemon\'s where this user may read its key, else for this run alone. `keep`: as they are' -r -f -a "mask\t''
keep\t''"
complete -c auditward -n "__fish_auditward_using_subcommand events" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_using_subcommand events" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand eql" -l timestamp-field -d 'The field that holds the time of a document' -r
complete -c auditward -n "__fish_auditward_using_subcommand eql" -l tiebreaker-field -d 'The field that orders documents of equal time; without it they stay in the order they were read' -r
complete -c auditward -n "__fish_auditward_using_subcommand eql" -l event-category-field -d 'The field that `process where …` asks for process' -r
complete -c auditward -n "__fish_auditward_using_subcommand eql" -l mapping -d 'An Elasticsearch mapping with the types of documents\' fields, as GET INDEX/_mapping prints it. Fields that it does not name get the types that ECS or their values give them' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand eql" -l size -d 'The most hits, counted before the query\'s first pipe and from the end that it names (the latest without a pipe); all by default' -r
complete -c auditward -n "__fish_auditward_using_subcommand eql" -l max-samples-per-key -d 'The most hits of a sample for one value of its join key' -r
complete -c auditward -n "__fish_auditward_using_subcommand eql" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_using_subcommand eql" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand snapshot" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_using_subcommand snapshot" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand kernel-rules" -l profile -d 'How much is recorded [default: `kernel_rules` of the configuration, which is minimal]' -r -f -a "minimal\t'As narrow as the detection rules allow: by the programs and files that they name'
all\t'Every execution, and what else the detection rules need, of any program'"
complete -c auditward -n "__fish_auditward_using_subcommand kernel-rules" -l rules -d 'Rule file or directory (again for more), instead of the configured, installed or built-in rules' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand kernel-rules" -l config -d 'Configuration file [default: /etc/auditward/auditward.toml where it exists]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand kernel-rules" -l seconds -d 'With `cost`: how long to measure' -r
complete -c auditward -n "__fish_auditward_using_subcommand kernel-rules" -l rules-d -d 'The directory for `install` and `remove`' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand kernel-rules" -l force -d 'Let `load` and `install` use profile all also where a full disk would stop the host or its auditd, or no auditd runs'
complete -c auditward -n "__fish_auditward_using_subcommand kernel-rules" -l turn-on -d 'Let `load` turn auditing on where it is off and no audit daemon runs; `unload` turns it off again'
complete -c auditward -n "__fish_auditward_using_subcommand kernel-rules" -l drop-never-task -d 'Let `load` remove the rule `-a never,task`, under which nothing is recorded'
complete -c auditward -n "__fish_auditward_using_subcommand kernel-rules" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_using_subcommand kernel-rules" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand check" -l config -d 'Configuration file. Default: /etc/auditward/auditward.toml, if it is there' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand check" -l rules -d 'Rule file or directory (again for more). Default: those of the configuration, else the installed rules, else those built in' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand check" -l site -d 'Where overrides.d, exceptions.d and lists.d are (and rules.d, without --rules)' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_using_subcommand check" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand rules; and not __fish_seen_subcommand_from list show test new explain" -s h -l help -d 'Print help'
complete -c auditward -n "__fish_auditward_using_subcommand rules; and not __fish_seen_subcommand_from list show test new explain" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand rules; and not __fish_seen_subcommand_from list show test new explain" -f -a "list" -d 'Tell of each rule whether it is live, partly live or not, and why'
complete -c auditward -n "__fish_auditward_using_subcommand rules; and not __fish_seen_subcommand_from list show test new explain" -f -a "show" -d 'Show all of one rule, and which file gave each key'
complete -c auditward -n "__fish_auditward_using_subcommand rules; and not __fish_seen_subcommand_from list show test new explain" -f -a "test" -d 'Run the tests that rule files carry'
complete -c auditward -n "__fish_auditward_using_subcommand rules; and not __fish_seen_subcommand_from list show test new explain" -f -a "new" -d 'Print a skeleton of a rule with two tests'
complete -c auditward -n "__fish_auditward_using_subcommand rules; and not __fish_seen_subcommand_from list show test new explain" -f -a "explain" -d 'Say of each clause of a rule whether it holds of the events in a file'
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from list" -l rules -d 'Rule file or directory (again for more). Default: the installed rules, else those built in' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from list" -l site -d 'Where overrides.d, exceptions.d and lists.d are (and rules.d, without --rules)' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from list" -l format -d 'How it is printed; `json`: one object a line' -r -f -a "text\t''
json\t''"
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from show" -l rules -d 'Rule file or directory (again for more). Default: the installed rules, else those built in' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from show" -l site -d 'Where overrides.d, exceptions.d and lists.d are (and rules.d, without --rules)' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from test" -l only -d 'Only tests whose name or rule contains this' -r
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from test" -l junit -d 'Also write the results as JUnit XML' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from test" -l site -d 'Where lists.d and overrides.d are' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help'
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from test" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from new" -s h -l help -d 'Print help'
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from new" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from explain" -l rules -d 'Rule file or directory (again for more). Default: the installed rules, else those built in' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from explain" -l site -d 'Where overrides.d, exceptions.d and lists.d are (and rules.d, without --rules)' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from explain" -s h -l help -d 'Print help'
complete -c auditward -n "__fish_auditward_using_subcommand rules; and __fish_seen_subcommand_from explain" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand exceptions; and not __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c auditward -n "__fish_auditward_using_subcommand exceptions; and not __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand exceptions; and not __fish_seen_subcommand_from list" -f -a "list" -d 'Tell each exception: its rules, condition, reason, owner and last day'
complete -c auditward -n "__fish_auditward_using_subcommand exceptions; and __fish_seen_subcommand_from list" -l rules -d 'Rule file or directory (again for more). Default: the installed rules, else those built in' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand exceptions; and __fish_seen_subcommand_from list" -l site -d 'Where overrides.d, exceptions.d and lists.d are (and rules.d, without --rules)' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand exceptions; and __fish_seen_subcommand_from list" -l over -d 'Also count what each takes of these recorded audit records (again for more)' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand exceptions; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c auditward -n "__fish_auditward_using_subcommand exceptions; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and not __fish_seen_subcommand_from list show follow export send-test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and not __fish_seen_subcommand_from list show follow export send-test" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and not __fish_seen_subcommand_from list show follow export send-test" -f -a "list" -d 'Print the newest alerts, the newest last'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and not __fish_seen_subcommand_from list show follow export send-test" -f -a "show" -d 'Tell all of one alert: what happened, who did it and through which programs, and what to do'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and not __fish_seen_subcommand_from list show follow export send-test" -f -a "follow" -d 'Print alerts as they come, until interrupted'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and not __fish_seen_subcommand_from list show follow export send-test" -f -a "export" -d 'Write the documents of all alerts, the oldest first'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and not __fish_seen_subcommand_from list show follow export send-test" -f -a "send-test" -d 'Send a marked alert down every destination, whatever that asks for, and tell what each said to it'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from list" -l since -d 'Of events at or after this time: `2026-11-28T06:00Z`, `2026-11-28 06:00`, or so long ago: `2h`, `3 days`' -r
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from list" -l until -d 'Of events before this time' -r
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from list" -l rule -d 'Of this rule: its short id, uuid or name' -r
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from list" -l user -d 'In which this account is named: who logged in, as whom it was done, or to whom' -r
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from list" -l severity -d 'Of this severity or above: low, medium, high, critical' -r
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from list" -s n -l last -d 'How many at most' -r
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from list" -l format -d 'How they are printed' -r -f -a "text\t'The readable line'
json\t'The ECS document, one a line'"
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from list" -l store -d 'Read this file instead of asking the daemon, e.g. one that was set aside' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from list" -l runtime -d 'The runtime directory of the daemon [default: of the configuration, else /run/auditward]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from list" -l config -d 'Configuration file [default: /etc/auditward/auditward.toml where it exists]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from list" -l suppressed -d 'Those that were kept back and told as a number: by alert_suppression, max_signals or a destination\'s limit, and those of building blocks'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from show" -l format -d 'How it is printed' -r -f -a "text\t'The readable line'
json\t'The ECS document, one a line'"
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from show" -l html -d 'Write it as one page of HTML, which needs no network and no other file' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from show" -l rules -d 'Rule file or directory (again for more). Default: the installed rules, else those built in' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from show" -l site -d 'Where overrides.d, exceptions.d and lists.d are (and rules.d, without --rules)' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from show" -l store -d 'Read this file instead of asking the daemon, e.g. one that was set aside' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from show" -l runtime -d 'The runtime directory of the daemon [default: of the configuration, else /run/auditward]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from show" -l config -d 'Configuration file [default: /etc/auditward/auditward.toml where it exists]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from show" -l as-exception -d 'Print an exception for alerts like this one, with how many of the stored ones it would have taken'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from follow" -l since -d 'Of events at or after this time: `2026-11-28T06:00Z`, `2026-11-28 06:00`, or so long ago: `2h`, `3 days`' -r
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from follow" -l until -d 'Of events before this time' -r
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from follow" -l rule -d 'Of this rule: its short id, uuid or name' -r
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from follow" -l user -d 'In which this account is named: who logged in, as whom it was done, or to whom' -r
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from follow" -l severity -d 'Of this severity or above: low, medium, high, critical' -r
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from follow" -s n -l last -d 'How many of those that are there to begin with' -r
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from follow" -l format -d 'How they are printed' -r -f -a "text\t'The readable line'
json\t'The ECS document, one a line'"
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from follow" -l store -d 'Read this file instead of asking the daemon, e.g. one that was set aside' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from follow" -l runtime -d 'The runtime directory of the daemon [default: of the configuration, else /run/auditward]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from follow" -l config -d 'Configuration file [default: /etc/auditward/auditward.toml where it exists]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from follow" -l suppressed -d 'Those that were kept back and told as a number: by alert_suppression, max_signals or a destination\'s limit, and those of building blocks'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from follow" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from follow" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from export" -l since -d 'Of events at or after this time: `2026-11-28T06:00Z`, `2026-11-28 06:00`, or so long ago: `2h`, `3 days`' -r
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from export" -l until -d 'Of events before this time' -r
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from export" -l rule -d 'Of this rule: its short id, uuid or name' -r
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from export" -l user -d 'In which this account is named: who logged in, as whom it was done, or to whom' -r
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from export" -l severity -d 'Of this severity or above: low, medium, high, critical' -r
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from export" -l format -d 'What is written' -r -f -a "ndjson\t'One ECS document a line'
bulk\t'For Elasticsearch\'s _bulk, to be posted to an index or data stream: a document twice is one'"
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from export" -l store -d 'Read this file instead of asking the daemon, e.g. one that was set aside' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from export" -l runtime -d 'The runtime directory of the daemon [default: of the configuration, else /run/auditward]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from export" -l config -d 'Configuration file [default: /etc/auditward/auditward.toml where it exists]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from export" -l suppressed -d 'Those that were kept back and told as a number: by alert_suppression, max_signals or a destination\'s limit, and those of building blocks'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from export" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from send-test" -l runtime -d 'The runtime directory of the daemon [default: of the configuration, else /run/auditward]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from send-test" -l config -d 'Configuration file, to find the daemon by [default: /etc/auditward/auditward.toml where it exists]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from send-test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_using_subcommand alerts; and __fish_seen_subcommand_from send-test" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand status" -l format -d 'How it is shown' -r -f -a "text\t'One fact a line'
json\t'All of it'
prometheus\t'Metrics in Prometheus\'s text format'"
complete -c auditward -n "__fish_auditward_using_subcommand status" -l runtime -d 'The runtime directory of the daemon [default: of the configuration, else /run/auditward]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand status" -l config -d 'Configuration file [default: /etc/auditward/auditward.toml where it exists]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_using_subcommand status" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand reload" -l runtime -d 'The runtime directory of the daemon [default: of the configuration, else /run/auditward]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand reload" -l config -d 'Configuration file, to find the daemon by [default: /etc/auditward/auditward.toml where it exists]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand reload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_using_subcommand reload" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand canary" -l wait -d 'Wait until the daemon has seen it, for so many seconds at most' -r
complete -c auditward -n "__fish_auditward_using_subcommand canary" -l runtime -d 'The runtime directory of the daemon [default: of the configuration, else /run/auditward]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand canary" -l config -d 'Configuration file, to find the daemon by [default: /etc/auditward/auditward.toml where it exists]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand canary" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_using_subcommand canary" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand doctor" -l bundle -d 'Write an archive for a bug report (tar, gzip), with names, addresses and secrets taken out' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand doctor" -l runtime -d 'The runtime directory of the daemon [default: of the configuration, else /run/auditward]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand doctor" -l config -d 'Configuration file [default: /etc/auditward/auditward.toml where it exists]' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand doctor" -l site -d 'Where overrides.d, exceptions.d and lists.d are (and rules.d, without rules in the configuration)' -r -F
complete -c auditward -n "__fish_auditward_using_subcommand doctor" -s q -l quiet -d 'Show only what is to be mended'
complete -c auditward -n "__fish_auditward_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_using_subcommand doctor" -s V -l version -d 'Print version'
complete -c auditward -n "__fish_auditward_using_subcommand probe" -l client -d 'The user id that is answered [default: that of the account `auditward`]' -r
complete -c auditward -n "__fish_auditward_using_subcommand probe" -l become -d 'The user and group id to become when started as root, as `auditward run` does it' -r
complete -c auditward -n "__fish_auditward_using_subcommand probe" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c auditward -n "__fish_auditward_using_subcommand probe" -s V -l version -d 'Print version'
