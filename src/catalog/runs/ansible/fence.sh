#!/bin/sh
# Every command of a run goes through here:  fence SUBJECT ATTEMPT -c COMMAND
# A takeover comes first:                    fence SUBJECT ATTEMPT --take
# An attempt that was stopped is ended by:   fence SUBJECT ATTEMPT --end
# A subject is an instance, or the host itself. The host keeps each one's highest attempt. Commands of a lower one are
# refused (97), and a takeover ends what older attempts still run; an ending ends what this one runs too, and lets it do
# no more. What they started through systemd is the subject's, and stays.
set -eu
subject=$1
attempt=$2
action=$3
# The number that acts from now on: an ending is as if the next attempt had come.
number=$attempt
[ "$action" != --end ] || number=$((attempt + 1))
mark="$subject $number"
folder=/var/lib/coop-catalog/attempts
file=$folder/$subject
refused=97

# The mark is in the environment before the number is looked at: a takeover that comes in between finds the process.
if [ "${COOP_ATTEMPT:-}" != "$mark" ]; then
    COOP_ATTEMPT=$mark exec "$0" "$@"
fi

highest=0
if [ -s "$file" ]; then
    read -r highest <"$file"
fi
if [ "$number" -lt "$highest" ]; then
    echo "Attempt $attempt is over: attempt $highest acts on $subject." >&2
    exit $refused
fi

case $action in
--take | --end) ;;
*)
    shift 2
    exec /bin/sh "$@"
    ;;
esac

umask 022
mkdir -p "$folder"
exec 9>"$folder/.lock"
flock 9
if [ -s "$file" ]; then
    read -r highest <"$file"
fi
if [ "$number" -lt "$highest" ]; then
    exit $refused
fi
# The shell's own echo would not say that the disk is full.
/bin/echo "$number" >"$file.new"
sync "$file.new"
mv "$file.new" "$file"

# Ansible takes one word as its shell: a script that stands for this attempt.
if [ "$action" = --take ]; then
    rm -f "$file".shell-*
    shell=$file.shell-$attempt
    printf '#!/bin/sh\nexec %s %s %s "$@"\n' "$0" "$subject" "$attempt" >"$shell"
    chmod 755 "$shell"
else
    rm -f "$file.shell-$attempt"
fi

rounds=0
while :; do
    older=
    for environment in $(grep -lsz "^COOP_ATTEMPT=$subject " /proc/[0-9]*/environ || true); do
        found=$(tr '\0' '\n' 2>/dev/null <"$environment" | sed -n "s/^COOP_ATTEMPT=$subject //p" || true)
        if [ -n "$found" ] && [ "$found" -lt "$number" ]; then
            process=${environment#/proc/}
            older="$older ${process%/environ}"
        fi
    done
    [ -n "$older" ] || break
    # shellcheck disable=SC2086 # several numbers
    kill -9 $older 2>/dev/null || true
    rounds=$((rounds + 1))
    if [ $rounds -gt 100 ]; then
        echo "Older attempts on $subject can't be ended:$older" >&2
        exit 98
    fi
    sleep 0.1
done
