#!/bin/sh
# Runs a benchmark. Builds first what is missing. Results are only worth something on a machine that does nothing else.
#
#   bench/run.sh all [SECONDS [FOLDER]]   everything, SECONDS per case (default 4), results and plots into FOLDER (default docs/results)
#   bench/run.sh heads|readouts|losses|tokens|training|sets [--kinds K,K] [--only TEXT] [--seconds S] [--threads N] [--results FOLDER]
#   bench/run.sh text [--rows N] [--data FILE] [--results FOLDER]
#   bench/run.sh chain [ROUNDS [THREADS [FOLDER]]] | layouts [ROUNDS [FOLDER]] | jmh [JMH OPTIONS] | plots FOLDER | targets FOLDER
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
found=$(.mvn/find-jdk.sh) || exit 3
java=${found% *}/bin/java
[ -d bench/target/lib ] || mvn -B -ntp -q -DskipTests -pl bench,java/cli -am package >&2
threads=$(getconf _NPROCESSORS_ONLN)

run() {
  main=$1
  shift
  # OMP_NUM_THREADS: oneDNN has no call to set them. The tokenizer library must not look for a GPU.
  # Threads of OpenMP and OpenBLAS go on spinning after a call, 16 and 25 ms by default, longer than the 15 ms they are given between two
  # turns, and then the next side lacks a processor; with these it is 2 ms, still a thousand times the time between two calls of a turn.
  OMP_NUM_THREADS=${OMP_NUM_THREADS:-$threads} GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-30000} \
    OPENBLAS_THREAD_TIMEOUT=${OPENBLAS_THREAD_TIMEOUT:-22} RUST_FLAVOR=cpu "$java" -Xmx8g --add-modules jdk.incubator.vector \
    --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow \
    -cp "bench/target/classes:bench/target/lib/*" "$main" "$@"
}

one() {
  what=$1
  shift
  case $what in
    heads) run dev.gavel.bench.HeadBenchmark "$@" ;;
    readouts) run dev.gavel.bench.ReadoutBenchmark "$@" ;;
    losses) run dev.gavel.bench.LossBenchmark "$@" ;;
    tokens) run dev.gavel.bench.TokenBenchmark "$@" ;;
    sets) run dev.gavel.bench.InstructionSetBenchmark "$@" ;;
    training) run dev.gavel.bench.TrainingBenchmark "$@" ;;
    text) run dev.gavel.bench.EndToEndBenchmark "$@" ;;
    chain) run dev.gavel.bench.ChainBenchmark "$@" ;;
    layouts) run dev.gavel.bench.LayoutBenchmark "$@" ;;
    targets) run dev.gavel.bench.Targets "$@" ;;
    plots) run dev.gavel.bench.Plots "$@" ;;
    jmh) run org.openjdk.jmh.Main "$@" ;;
    *)
      echo "bench: unknown benchmark '$what': say all, heads, readouts, losses, tokens, training, sets, text, chain, layouts, jmh, plots or targets." >&2
      exit 2
      ;;
  esac
}

all() {
  seconds=${1:-4}
  folder=${2:-docs/results}
  case $seconds in
    '' | *[!0-9]* | 0)
      echo "bench: SECONDS is '$seconds'; it must be a whole number of at least 1." >&2
      exit 2
      ;;
  esac
  mkdir -p "$folder"
  rm -f "$folder/gavel-bench.jsonl.part"
  for kind in pool linear mlp; do
    one heads --kinds "$kind" --seconds "$seconds" --results "$folder"
  done
  one readouts --seconds "$seconds" --results "$folder"
  one losses --seconds "$seconds" --results "$folder"
  one tokens --seconds "$seconds" --results "$folder"
  one training --seconds "$seconds" --results "$folder"
  one sets --seconds "$seconds" --results "$folder"
  one chain 7 1 "$folder"
  [ "$threads" = 1 ] || one chain 7 "$threads" "$folder"
  one layouts 7 "$folder"
  one jmh ScoreCallBenchmark -f 2 -wi 3 -i 5 -w 1 -r 1 -prof gc -rf json -rff "$folder/score-call.json"
  # Rows of real text are no part of the project.
  if [ -f ../shared/data/nway-alpacaeval.jsonl ]; then
    one text --rows 16 --results "$folder"
  else
    echo "bench: text is left out: there is no ../shared/data/nway-alpacaeval.jsonl" >&2
  fi
  for head in "--width=1024" "--width=4096" "--width=1024 --hidden=1024" "--width=4096 --hidden=4096"; do
    # shellcheck disable=SC2086 # a head is several options
    ./gavel bench $head --seconds="$((seconds * 5))" --json >>"$folder/gavel-bench.jsonl.part"
  done
  mv "$folder/gavel-bench.jsonl.part" "$folder/gavel-bench.jsonl"
  one plots "$folder"
  one targets "$folder"
}

what=${1:-}
[ $# -gt 0 ] && shift
if [ "$what" = all ]; then
  all "$@"
else
  one "$what" "$@"
fi
