#!/bin/sh
# Makes the folders that are given as MODE and PATH by turns, root's, and names those that were not so.
set -eu
while [ $# -gt 0 ]; do
    if [ "$(stat --format %a:%u:%g "$2" 2>/dev/null)" != "$1:0:0" ]; then
        install --directory --owner root --group root --mode "$1" "$2"
        echo "$2"
    fi
    shift 2
done
