// threads above | Where a program's batches come from: rows of resident data, in a given order.
#pragma once

#include <cstdint>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/parallel.h"
#include "core/tensor_view.h"
#include "data/augment.h"

namespace fastnn {

struct Source {
    TensorView images;                 // uint8 (R, C, ...) or real (R, ...)
    const TensorView* mean = nullptr;  // float64 (C,), with uint8 only
    const TensorView* std = nullptr;
    const TensorView* targets = nullptr;  // (R, ...); null where a program has no target
    const std::int64_t* order = nullptr;  // row numbers, batch after batch
    Augment augment{};                    // of uint8 images
};

// Refuses data that does not fit the views a batch goes to; target: null where there is none.
void check_source(const Source& source, const TensorView& input, const TensorView* target);

// Copies some rows of the batch of a step into their views.
void gather_batch(const Source& source, std::int64_t step, Range rows, const TensorView& input);
void gather_targets(const Source& source, std::int64_t step, Range rows, const TensorView& target);

// Where the batch of a step lies in the source already, row behind row as the order has them; null where it does not.
void* batch_in_place(const Source& source, std::int64_t step, const TensorView& input);

// Where the inputs of a batch lie: in their view, or in a copy of each thread's own, the first one's being the view; or
// in the source.
class Batch {
public:
    void prepare(const TensorView& input, int copies);

    // Of this step: in the source, where it is not null.
    void set_place(void* in_source) { in_source_ = in_source; }
    bool gathered() const { return in_source_ == nullptr; }

    // The memory of a view that this thread reads and gathers into: its copy where the view is the batch's.
    void* of(void* memory, int thread) const {
        if (memory != input_) return memory;
        if (!gathered()) return in_source_;
        const bool copied = thread > 0 && static_cast<std::size_t>(thread) <= copies_.size();
        return copied ? copies_[static_cast<std::size_t>(thread - 1)].data() : memory;
    }
    TensorView of(const TensorView& view, int thread) const {
        TensorView mine = view;
        mine.data = of(view.data, thread);
        return mine;
    }

private:
    const void* input_ = nullptr;
    void* in_source_ = nullptr;
    std::vector<AlignedBuffer> copies_;
};

}  // namespace fastnn
