#!/bin/sh
# Builds the action's image and starts it as the runner does, outside of a job: it must say so and end with 1.
# RUN_OPTIONS are further options for `docker run`, or podman's.
set -eu
cd "$(dirname "$0")/../.."

find_engine() {
    for engine in docker podman; do
        if "$engine" info >/dev/null 2>&1; then
            return
        fi
    done
    echo "This needs docker or podman, and one that runs." >&2
    exit 1
}

find_engine
"$engine" build --tag ai-dev .
"$engine" image inspect --format 'The image has {{.Size}} bytes.' ai-dev

start() {
    # shellcheck disable=SC2086 # one word for each option
    "$engine" run --rm --network none ${RUN_OPTIONS-} "$@"
}

code=0
said=$(start ai-dev) || code=$?
echo "$said"
case $code:$said in
1:*"not a job of GitHub Actions"*) ;;
*)
    echo "The image does not start: exit code $code." >&2
    exit 1
    ;;
esac
start --entrypoint /usr/local/bin/python ai-dev -I -c '
import shutil, sys
unwanted = [name for name in ("git", "curl", "gcc") if shutil.which(name)]
sys.exit(f"The image has {unwanted}." if unwanted else 0)'
