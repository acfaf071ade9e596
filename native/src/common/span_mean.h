// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// span_mean.h: in which order the rows of a span are added, by both backends.
//
// y = sum / n, the sum of blocks of 4096 rows from the first on, one after the other; each the sum of its blocks of 256; each of these the
// sum of its blocks of 16; each the sum of its rows, one after the other. The last block of a size may be shorter. One row after the other
// would be off by about n / sqrt(2) roundings of a row, 2900 for 4096 rows; so it is sqrt(25 n), 320.
#ifndef GAVEL_COMMON_SPAN_MEAN_H
#define GAVEL_COMMON_SPAN_MEAN_H

#include <cstdint>

namespace gavel {

constexpr int64_t kSpanParts = 16;  // blocks of the next smaller size (or rows) in one
constexpr int64_t kLargestSpanBlock = kSpanParts * kSpanParts * kSpanParts;
constexpr int64_t kSpanLevels = 3;  // sizes of blocks

}  // namespace gavel

#endif
