#!/bin/sh
# The seed, judged again: its figures are imported as they were written down, and the rule says what it says of them.
# From anywhere: sh examples/seed-replay/replay.sh [STORE]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
store=${1:-./seed-replay-store}
pixelpipe baseline import "$here/baseline.yaml" --why "the best of ten checkpoints" --store "$store"
pixelpipe evaluate --figures "$here/candidate.yaml" --store "$store"
