# Completion of natpulse in bash. What can follow is asked of the program itself (its help, its lists), so that this
# file knows no option by name and never disagrees with it.

_natpulse() {
    local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local subcommand=${COMP_WORDS[1]} words
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        words=$("$program" help 2>/dev/null | awk '/^  [a-z]+ +[a-z]/ {print $1}')
    elif [[ $word == -* ]]; then
        words=$("$program" help "$subcommand" 2>/dev/null | grep -oE '^ +(-[a-z], )?--[a-z][a-z-]*' | grep -oE -- '--[a-z-]+')
    else
        case $subcommand:$before in
        help:*) words=$("$program" help 2>/dev/null | awk '/^  [a-z]+ +[a-z]/ {print $1}') ;;
        list:list) words=$("$program" help list 2>/dev/null | awk -F '   +' '/^  [a-z]/ {gsub(/[ ,]+/, " ", $1); print $1}') ;;
        *:--nat) words=$("$program" list nat 2>/dev/null | awk 'NR > 1 && /^[a-z]/ {print $1}') ;;
        *:--compare) words=$("$program" list evict 2>/dev/null | awk 'NR > 1 {print $1}') ;;
        *:--format | *:-f)
            words=$("$program" help "$subcommand" 2>/dev/null | sed -nE 's/.*--format FORMAT +([^(]*).*/\1/p' | tr -cs a-z '\n' | grep -vx or)
            ;;
        *:--set) words=$("$program" list keys 2>/dev/null | awk 'NR > 1 {print $1 "="}') && compopt -o nospace ;;
        conform:--rule | conform:-r) words=$("$program" conform lru-box --format csv 2>/dev/null | awk -F, 'NR > 2 {print $3}') ;;
        conform:--rules | conform:--output | conform:-o) ;;
        conform:*) words=$("$program" list nat 2>/dev/null | awk 'NR > 1 && /^[a-z]/ {print $1}') ;;
        esac
    fi
    if [[ -n $words ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    else
        compopt -o default 2>/dev/null # names of files
    fi
}
complete -F _natpulse natpulse
