#!/bin/sh
# Builds the programs into $1.new, where the lock files are, and renames it to $1 when all is there.
set -eu
target=$1
building=$target.new
umask 022
cd "$building"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --no-input \
    --require-hashes --only-binary :all: --requirement requirements.lock
npm ci --omit=dev --no-audit --no-fund --ignore-scripts --loglevel=error
# Scripts begin with the path of their interpreter: name the place where it will be.
grep --recursive --files-with-matches --binary-files=without-match --fixed-strings "$building" venv/bin venv/pyvenv.cfg |
    xargs sed --in-place "s|$building|$target|g"
# People's servers can't write here: compile everything now.
venv/bin/python -m compileall -q -s "$building" -p "$target" venv/lib
sync -f .
mv --no-target-directory "$building" "$target"
