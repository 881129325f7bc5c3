// threads above | Where a program's batches come from: rows of resident data, in a given order.
#pragma once

#include <cstdint>

#include "core/parallel.h"
#include "core/tensor_view.h"

namespace fastnn {

struct Source {
    TensorView images;                 // uint8 (R, C, ...) or real (R, ...)
    const TensorView* mean = nullptr;  // float64 (C,), with uint8 only
    const TensorView* std = nullptr;
    const TensorView* targets = nullptr;  // (R, ...); null where a program has no target
    const std::int64_t* order = nullptr;  // row numbers, batch after batch
};

// Refuses data that does not fit the views a batch goes to; target: null where there is none.
void check_source(const Source& source, const TensorView& input, const TensorView* target);

// Copies some rows of the batch of a step into them.
void gather_batch(const Source& source, std::int64_t step, Range rows, const TensorView& input,
                  const TensorView* target);

}  // namespace fastnn
