#!/bin/sh
# Builds the programs into $1 from the lock files in $4, unless another hub of the host has just done so. $2 says which
# hub uses what: that hub $3 is about to use them stands there first, so that nobody takes them for unused.
set -eu
target=$1
users=$2
hub=$3
locks=$4
umask 022
exec 9>/run/lock/coop-jupyterhub-programs
flock 9
echo "${target##*/}" >"$users/$hub.next"
[ ! -d "$target" ] || exit 0
building=$target.new
rm -rf "$building"
mkdir "$building"
cp "$locks/requirements.lock" "$locks/package.json" "$locks/package-lock.json" "$building"
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
