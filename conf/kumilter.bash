# kumilter.bash - completion for bash
#
# Verbs and options are those that the program itself tells.

_kumilter()
{
	local cur prev verb words
	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	verb=${COMP_WORDS[1]}
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		words=$("${COMP_WORDS[0]}" help 2>/dev/null |
			sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p')
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		return
	fi
	case $prev$cur in
	record-*) prev="" ;; # an option behind the verb
	esac
	case $prev in
	record) words="start stop status" ;;
	--only) words="changed all none" ;;
	--mta) words="postfix sendmail" ;;
	--log) words="stderr syslog json" ;;
	--log-level) words="error warning info debug" ;;
	--user | -u)
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return
		;;
	--socket-group)
		mapfile -t COMPREPLY < <(compgen -g -- "$cur")
		return
		;;
	*)
		[[ $cur == -* ]] || {
			compopt -o default 2>/dev/null
			return
		}
		words=$("${COMP_WORDS[0]}" "$verb" --help 2>/dev/null |
			grep -o -e '--[a-z][a-z-]*')
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _kumilter kumilter
