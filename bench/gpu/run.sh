#!/bin/sh
# On the GPU host, from the unpacked bundle:
#   ./run.sh [RESULTS_FOLDER [STEP...]]        default ./results and every step; about nine minutes
# Ceilings, our own times, the tests on the device (a skip is a failure), PyTorch beside us, then compute-sanitizer on the small shapes. What
# matters most comes first, and everything that was found is in the results folder as soon as it was found: logs, JSON, steps.tsv and
# results.md, made anew after every step. No step runs longer than its limit (a single one that is named: than the rest of all), nor all
# together longer than GAVEL_SECONDS (560). A later run of some steps into the same folder replaces theirs.
# Exit code 1 where a step failed, 3 where the host cannot run it; what else it lacks (compute-sanitizer, python3, PyTorch) is named
# and left out. GAVEL_PYTHON: the python3 that has PyTorch. With GAVEL_CUDA_LIBRARY naming another libgavel_cuda.so, the emulated one, the
# runner itself is tried without a GPU.
set -u
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
begun=$(date +%s)
budget=${GAVEL_SECONDS:-560}
python=${GAVEL_PYTHON:-python3}

cannot() {
  echo "run.sh: $*" >&2
  exit 3
}

# folder NAME...: makes the first of these that can be written to.
folder() {
  for results in "$@"; do
    if mkdir -p "$results" 2>/dev/null && touch "$results/steps.tsv" 2>/dev/null; then
      results=$(CDPATH= cd -- "$results" && pwd)
      return
    fi
  done
  cannot "nothing can be written to $*; name a folder: ./run.sh RESULTS_FOLDER"
}

command -v timeout >/dev/null 2>&1 || cannot "there is no timeout(1) on the PATH (Debian: coreutils), so a step could hang for ever"
if [ $# -gt 0 ]; then
  folder "$1"
  shift
else
  folder "$here/results" "${TMPDIR:-/tmp}/gavel-gpu-results"
fi
scratch=$(mktemp -d) || cannot "no folder for temporary files can be made in ${TMPDIR:-/tmp}; set TMPDIR"
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
wanted=" $* "
wanted_steps=$#
failed=0
cd "$results" || exit 3
ulimit -c 0

if [ -z "${GAVEL_CUDA_LIBRARY:-}" ] && ! found=$(timeout -k 5 60 "$here/native/ceilings" probe 2>&1); then
  cannot "the CUDA runtime finds no GPU that it can use (${found:-no answer within 60 s}), so nothing can be run or measured. Needed:" \
    "an NVIDIA GPU of compute capability 8.0 or newer, visible to this container, and a driver for CUDA 13 (version 580 or newer)."
fi
export GAVEL_CUDA_LIBRARY="${GAVEL_CUDA_LIBRARY:-$here/native/libgavel_cuda.so}"
# Caches of PyTorch's compiler belong to this run.
export TORCHINDUCTOR_CACHE_DIR="$scratch/inductor" TRITON_CACHE_DIR="$scratch/triton"

report() {
  command -v "$python" >/dev/null 2>&1 || return
  timeout 30 "$python" "$here/peers/report.py" "$results" >"$scratch/results.md" 2>"$scratch/report.log" &&
    cp "$scratch/results.md" "$results/results.md" || cat "$scratch/report.log" >&2
}

note() { # name result
  echo "$1: $2"
  printf '%s\t%s\n' "$1" "$2" >>"$results/steps.tsv"
  report
}

left() {
  echo $((budget - ($(date +%s) - begun)))
}

is_wanted() {
  [ "$wanted" = "  " ] && return
  case $wanted in
    *" $1 "*) ;;
    *) return 1 ;;
  esac
}

# The GPU's state; a driver that answers slowly must not hold the run up.
state() { # file what
  command -v nvidia-smi >/dev/null 2>&1 || return
  timeout -k 5 20 nvidia-smi --query-gpu=timestamp,clocks.sm,clocks.mem,temperature.gpu,power.draw,memory.used,utilization.gpu \
    --format=csv,noheader 2>&1 | sed "s/^/$2, /" >>"$1"
}

# begin NAME LIMIT: whether the step is to run; its seconds are then in $seconds.
begin() {
  is_wanted "$1" || return 1
  seconds=$(left)
  [ "$wanted_steps" -ne 1 ] && [ "$seconds" -gt "$2" ] && seconds=$2
  [ "$seconds" -ge 5 ] && return
  note "$1" "not run: GAVEL_SECONDS ($budget) are over"
  return 1
}

# step NAME LIMIT COMMAND...: runs it for at most so many seconds, keeps its output, notes how it ended.
step() {
  name=$1
  begin "$name" "$2" || return
  shift 2
  finish "$name" "$results/$name.log" "$@"
}

# finish NAME OUTPUT COMMAND...: as step, once it was begun; the messages are in NAME.log whatever OUTPUT is.
finish() {
  name=$1
  output=$2
  shift 2
  if [ "$output" = "$results/$name.log" ]; then
    timeout -k 5 "$seconds" "$@" >"$output" 2>&1
  else
    timeout -k 5 "$seconds" "$@" >"$output" 2>"$results/$name.log"
  fi
  code=$?
  case $code in
    0) note "$name" "passed" ;;
    124 | 137) note "$name" "FAILED: stopped after $seconds s, see $name.log" ;;
    *) note "$name" "FAILED (exit code $code), see $name.log" ;;
  esac
  [ $code -eq 0 ] && return
  failed=1
  tail -n 15 "$results/$name.log"
}

{
  echo "${found:-GAVEL_CUDA_LIBRARY is $GAVEL_CUDA_LIBRARY}"
  if command -v nvidia-smi >/dev/null 2>&1; then
    timeout -k 5 20 nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,clocks.max.mem,power.limit --format=csv 2>&1
    timeout -k 5 20 nvidia-smi -q >"$results/nvidia-smi.txt" 2>&1
  else
    echo "nvidia-smi is not on the PATH"
  fi
  echo "revision $(cat "$here/revision")"
  uname -srm
  sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sort | uniq -c
  date -u +%Y-%m-%dT%H:%M:%SZ
} >"$results/machine.txt"
cat "$results/machine.txt"

if begin ceilings 60; then
  finish ceilings "$results/ceilings.json" "$here/native/ceilings"
fi
if begin tensor_cores 30; then
  finish tensor_cores "$results/tensor_cores.json" "$here/native/tensor_cores"
fi
step c_interface 60 "$here/native/cuda_api"
if begin calls 90; then
  state "$results/clocks.csv" "before calls"
  finish calls "$results/calls.jsonl" "$here/native/calls" $((seconds - 20))
  state "$results/clocks.csv" "after calls"
fi
step invariance 90 "$here/native/cuda_invariance" device

# PyTorch, whose import alone may take a minute. Its compiler needs a C compiler on the host; forms that cannot be made are named.
if begin peers 240; then
  if ! command -v "$python" >/dev/null 2>&1; then
    note peers "not run: $python is not on the PATH"
  elif ! timeout -k 5 90 "$python" -c 'import sys, torch
if not torch.cuda.is_available():
  sys.exit("PyTorch " + torch.__version__ + " sees no GPU")' >"$results/peers.log" 2>&1; then
    reason=$(tail -n 1 "$results/peers.log" | tr '\t' ' ')
    note peers "not run: ${reason:-importing PyTorch took longer than 90 s}"
  elif begin peers 240; then
    rm -f "$results/torch.json"
    state "$results/clocks.csv" "before peers"
    finish peers "$results/peers.log" "$python" "$here/peers/torch_head.py" "$here/native/libgavel.so" "$results/torch.json" \
      --seconds $((seconds - 30))
    state "$results/clocks.csv" "after peers"
  fi
fi

# The tests of the Java API on a device, but for those that compare with LibTorch, which the bundle has no room for. A skipped one is a
# failure.
if begin java_tests 180; then
  finish java_tests "$results/java_tests.log" "$here/runtime/bin/java" -XX:+IgnoreUnrecognizedVMOptions \
    -XX:ErrorFile="$results/java_tests_crash.log" -Djava.io.tmpdir="$scratch" --enable-native-access=ALL-UNNAMED \
    -Dgavel.library.path="$here/native" \
    -jar "$(ls "$here"/third-party/junit-platform-console-standalone-*.jar)" execute \
    --class-path "$(ls "$here"/lib/*.jar "$here"/third-party/*.jar | grep -v console-standalone | tr '\n' ':')" \
    --select-package dev.gavel --include-classname '.*Cuda.*Test' --exclude-classname '.*Accuracy.*' --fail-if-no-tests --details=tree --disable-ansi-colors
  if grep -qE '[1-9][0-9]* tests (skipped|aborted)' "$results/java_tests.log"; then
    note java_tests "FAILED: a skipped test of the GPU is a failure, see java_tests.log"
    failed=1
  fi
fi
step readouts 60 "$here/native/cuda_readout"
step vocabulary 60 "$here/native/cuda_api_vocabulary"
step token_logprobs 60 "$here/native/cuda_token_logprob"

# Often it is with the toolkit, beside the PATH.
PATH="$PATH:/usr/local/cuda/bin:/usr/local/cuda/compute-sanitizer"
for tool in memcheck racecheck initcheck synccheck; do
  if ! command -v compute-sanitizer >/dev/null 2>&1; then
    is_wanted "$tool" && note "$tool" "not run: compute-sanitizer is neither on the PATH nor in /usr/local/cuda/bin"
    continue
  fi
  # initcheck would take the poison behind tensors for use of what nobody wrote, so it looks at the small invariance shapes.
  case $tool in
    memcheck) step memcheck 120 compute-sanitizer --tool memcheck --leak-check full --error-exitcode 9 "$here/native/cuda_api" ;;
    racecheck) step racecheck 120 compute-sanitizer --tool racecheck --racecheck-report all --error-exitcode 9 "$here/native/cuda_invariance" ;;
    *) step "$tool" 90 compute-sanitizer --tool "$tool" --error-exitcode 9 "$here/native/cuda_invariance" ;;
  esac
done

if [ -f "$results/results.md" ]; then
  echo "$results/results.md"
else
  echo "There is no $python here to make results.md: where there is one,  python3 peers/report.py $results > results.md"
fi
exit $failed
