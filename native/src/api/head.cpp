// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry points of gavel_head.
#include <cstring>
#include <memory>

#include "api/call_arguments.h"
#include "api/handles.h"
#include "common/error.h"
#include "common/versioned.h"
#include "gavel/gavel.h"

using namespace gavel;

namespace {

const Parameter &parameter_at(const HeadSpec &spec, int32_t index) {
  GAVEL_CHECK(index >= 0 && index < spec.parameter_count, "index is %d; this head has parameters 0 to %d", index,
              spec.parameter_count - 1);
  return spec.parameters[index];
}

// Copies between a tensor of the caller and the contiguous values of a parameter, row by row.
template <typename Copy>
void each_row(const Parameter &parameter, const Tensor &tensor, char *values, Copy copy) {
  const int64_t rows = parameter.rank == 2 ? parameter.shape[0] : 1;
  const size_t row_bytes = static_cast<size_t>(parameter.elements / rows * dtype_size(tensor.dtype));
  for (int64_t row = 0; row < rows; ++row) copy(tensor.at(row), values + row * static_cast<int64_t>(row_bytes), row_bytes);
}

}  // namespace

extern "C" {

int32_t gavel_head_parameter_count(const gavel_head_spec *spec, gavel_error *error) {
  int32_t count = 0;
  const int32_t status = enter("gavel_head_parameter_count", error, [&] { count = check_head_spec(spec).parameter_count; });
  return status == GAVEL_OK ? count : status;
}

int32_t gavel_head_parameter_info(const gavel_head_spec *spec, int32_t index, gavel_parameter_info *info, gavel_error *error) {
  return enter("gavel_head_parameter_info", error, [&] {
    const HeadSpec checked_spec = check_head_spec(spec);
    const Parameter &parameter = parameter_at(checked_spec, index);
    check_struct(info, "info");
    info->rank = parameter.rank;
    info->shape[0] = parameter.shape[0];
    info->shape[1] = parameter.rank == 2 ? parameter.shape[1] : 0;
    std::memcpy(info->name, parameter.name, sizeof info->name);
  });
}

int32_t gavel_head_create(gavel_context *context, const gavel_head_spec *spec, const gavel_tensor *parameters,
                          int32_t parameter_count, gavel_head **head, gavel_error *error) {
  return enter("gavel_head_create", error, [&] {
    GAVEL_CHECK(head != nullptr, "head is NULL; pass the address of a pointer to be set");
    *head = nullptr;
    gavel_context &parent = checked(context);
    const HeadSpec checked_spec = check_head_spec(spec);
    GAVEL_CHECK(parameter_count == checked_spec.parameter_count, "parameter_count is %d; this spec has %d (%s to %s)",
                parameter_count, checked_spec.parameter_count, checked_spec.parameters[0].name,
                checked_spec.parameters[checked_spec.parameter_count - 1].name);
    GAVEL_CHECK(parameters != nullptr, "parameters is NULL");
    CallTensors tensors(kHostMemory);
    Tensor given[kMostParameters];
    for (int32_t i = 0; i < parameter_count; ++i) {
      const Parameter &parameter = checked_spec.parameters[i];
      given[i] = take_parameter(parameters[i], {"parameters", i, parameter.name}, parameter, checked_spec.fields.dtype,
                                Access::READ, tensors);
    }
    if (parent.plugin != nullptr) {
      cuda::Head *made = nullptr;
      on_plugin(parent.plugin->head_create, *parent.cuda, checked_spec, given, &made);
      CudaPart<cuda::Head> part(made, parent.plugin->head_destroy);
      *head = std::make_unique<gavel_head>(parent, checked_spec, std::move(part)).release();
      return;
    }
    auto part = std::make_unique<CpuHead>(*parent.cpu, checked_spec);
    const FlushDenormals flush;
    for (int32_t i = 0; i < parameter_count; ++i) {
      each_row(checked_spec.parameters[i], given[i], part->values[i].as(),
               [](const char *theirs, char *ours, size_t bytes) { std::memcpy(ours, theirs, bytes); });
      refresh_parameter(*part, i);
    }
    *head = std::make_unique<gavel_head>(parent, std::move(part)).release();
  });
}

void gavel_head_destroy(gavel_head *head) {
  destroy(head, kHeadMagic);
}

int32_t gavel_head_read(gavel_head *head, int32_t index, const gavel_tensor *parameter, gavel_error *error) {
  return enter("gavel_head_read", error, [&] {
    gavel_head &read = checked(head);
    const Parameter &description = parameter_at(read.spec, index);
    GAVEL_CHECK(parameter != nullptr, "parameter is NULL");
    CallTensors tensors(kHostMemory);
    const Tensor target = take_parameter(*parameter, {"parameter", index, description.name}, description,
                                         read.spec.fields.dtype, Access::WRITE, tensors);
    const HeadReader reader(read);
    if (read.cuda != nullptr) return on_plugin(read.context.plugin->head_read, *read.cuda, index, target);
    each_row(description, target, read.cpu->values[index].as(),
             [](char *theirs, const char *ours, size_t bytes) { std::memcpy(theirs, ours, bytes); });
  });
}

}  // extern "C"
