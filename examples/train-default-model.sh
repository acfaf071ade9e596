#!/bin/sh
# How the default model was made. Needs ../shared/data/pairs-autoj.jsonl beside the checkout (see the model card), and
# some minutes per command.
#
#   examples/train-default-model.sh compare      cross-validation inside the training part: what the choices rest on
#   examples/train-default-model.sh train DIR    trains the model of these choices into DIR: the same bytes every time,
#                                                those of the bundled one, where ONNX Runtime gives the same hidden states (an AMD EPYC with AVX-512)
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
data=$root/../shared/data/pairs-autoj.jsonl

if [ ! -f "$data" ]; then
  echo "train-default-model: $data is not there; the data is no part of this repository." >&2
  exit 2
fi

# One row of the file has an empty response and is left out.
gavel_train() {
  "$root/gavel" train --input "$data" --skip-bad-rows --holdout 0.3 --loss bt --layout joint,independent --reversed \
    --activation silu --norm layer --learning-rate 3e-4 --weight-decay 1 --batch-size 32 \
    --init-deviation 0.05 --response-tokens 512 --seed 0 "$@"
}

case ${1:-} in
  compare)
    # How much of the prompt is kept matters most: what the prompt leaves of 512 positions is for responses.
    for prompt in 256 64 32; do
      echo "prompt tokens: $prompt"
      gavel_train --folds 5 --prompt-tokens "$prompt" --hidden 64,256 --epochs 15,30 \
        --pooling span_mean,index,first_last_concat,first_last_add,first_last_sub
    done
    ;;
  train)
    [ $# -eq 2 ] || { echo "train-default-model: train needs a folder." >&2; exit 2; }
    gavel_train --out "$2" --prompt-tokens 64 --hidden 64 --epochs 15 --pooling span_mean --name gavel-default \
      --data-note "pairs of the Auto-J test set, human-labelled, ties left out, as carried by \
prometheus-eval/prometheus-eval, Apache-2.0" \
      --note "The model that comes with Gavel. It is a demonstration: it learns from real preferences, a few hundred of \
them, on a small encoder that was made for other things. Do not use its scores to decide anything. Its settings were \
chosen by 5-fold cross-validation on the training part only, where it had 65.7 % of 542 rows right in layout joint and \
68.6 % in layout independent, and the length-only scorer 73.8 %."
    ;;
  *)
    echo "usage: $0 compare | train DIR" >&2
    exit 2
    ;;
esac
