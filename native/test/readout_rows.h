// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_rows.h: the row functions of common/read_out.h for one item, from a ReadoutConfig.
#ifndef GAVEL_TEST_READOUT_ROWS_H
#define GAVEL_TEST_READOUT_ROWS_H

#include "api_fixture.h"
#include "common/call_tensors.h"
#include "common/read_out.h"
#include "common/readout.h"
#include "readout_reference.h"

namespace gavel::test {

// Sets what the two structs of arguments both say of a readout; the tensors are views of the config.
template <typename Args>
void set_readout(Args &args, const ReadoutConfig &config) {
  args.readout = config.readout;
  args.readout_width = config.width;
  args.readout_class = config.class_index;
  args.readout_statistic = config.statistic;
  args.readout_objectives = config.objectives;
  args.gate_form = config.form;
  args.gate_temperature = config.temperature;
  args.gate_scale = config.scale;
  const auto floats = [](const std::vector<float> &values) { return const_cast<float *>(values.data()); };
  const auto list = [&](const std::vector<float> &values) {
    return values.empty() ? gavel_tensor{} : describe(floats(values), GAVEL_F32, {static_cast<int64_t>(values.size())});
  };
  args.readout_levels = list(config.levels);
  args.readout_weights = list(config.weights);
  const int64_t n = config.groups();
  if (!config.transform.empty()) args.gate_transform = describe(floats(config.transform), GAVEL_F32, {n, n});
}

struct ItemOutputs {
  std::vector<float> scores, objectives, gate_weights;
};

struct ItemGradient {
  std::vector<float> logits, gate;
  float scale = 0;
};

class ItemRow {
 public:
  explicit ItemRow(const ReadoutConfig &config) {
    auto args = sized<gavel_score_args>();
    set_readout(args, config);
    head_.fields = linear_spec(GAVEL_F32, 1, config.outputs);
    gate_.fields = linear_spec(GAVEL_F32, 1, config.gate_outputs());
    const bool gated = config.readout == GAVEL_READOUT_GATED_SUM;
    if (gated) args.gate_index = describe(&nobody_, GAVEL_I64, {1});
    CallTensors tensors(kHostMemory);
    plan_ = check_readout(readout_args(args), head_, gated ? &gate_ : nullptr, 1, tensors);
    scratch_.resize(static_cast<size_t>(readout_scratch(plan_)));
  }

  const ReadoutRow &row() const { return plan_; }
  ItemOutputs outputs(const std::vector<float> &z, const std::vector<float> &g) const {
    ItemOutputs out;
    out.scores.resize(static_cast<size_t>(plan_.scores));
    out.objectives.resize(static_cast<size_t>(plan_.objective_count));
    out.gate_weights.resize(static_cast<size_t>(plan_.gate_weights));
    read_out_row<SerialWalk>(plan_, z.data(), g.data(), scratch_.data(), out.scores.data(),
                             plan_.mixes() ? out.objectives.data() : nullptr,
                             plan_.gate_weights > 0 ? out.gate_weights.data() : nullptr);
    return out;
  }
  std::vector<float> scores(const std::vector<float> &z, const std::vector<float> &g) const { return outputs(z, g).scores; }
  ItemGradient gradient(const std::vector<float> &z, const std::vector<float> &g, const std::vector<float> &d) const {
    ItemGradient out{std::vector<float>(z.size()), std::vector<float>(g.size())};
    read_out_row_gradient<SerialWalk>(plan_, z.data(), g.data(), d.data(), scratch_.data(), out.logits.data(), out.gate.data());
    if (plan_.gate_scale != 0)
      out.scale = gate_scale_gradient_row<SerialWalk>(plan_, z.data(), g.data(), d[0], scratch_.data());
    return out;
  }

 private:
  HeadSpec head_, gate_;
  int64_t nobody_ = -1;
  ReadoutPlan plan_;
  mutable std::vector<float> scratch_;
};

}  // namespace gavel::test

#endif
