// threads above | The gradient of a dense layer's weight, grad_y^T x, in tasks: rows of the weight (inputs) times
// panels.
//
// Gradients are made in a thread's scratch and handed over tile by tile while they are in L1, to be used up at once. A
// large batch goes through in blocks of samples: their part of grad_y is packed beforehand, that of x copied together,
// so that what a task reads again and again lies in L1 and L2 and in few pages. The chains of the sums are stored after
// a block and resumed in the next: the same bits.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "ops/matmul.h"
#include "plan/zeros.h"

namespace fastnn {

// Finished gradients: element (row, column) of a panel is gradients[(row - rows.begin) * width + column], 0 in padding.
template <typename T>
struct GradientTile {
    std::int64_t panel;
    Range rows;
    const T* gradients;
};

class WeightGradient {
public:
    // width: of a panel. zeros: of x; null where nobody looks for them.
    WeightGradient(const TensorView& grad_y, const TensorView& x, std::int64_t width, Zeros* zeros);

    // Bytes for grad_y in blocks of samples; 0: a small batch needs none.
    std::int64_t packed_bytes() const;
    void set_packed(void* memory) { packed_ = memory; }

    // Packs some rows of grad_y, before the tasks.
    void pack(Range samples) const;

    std::int64_t tasks() const { return row_blocks_ * panel_blocks_; }
    std::int64_t scratch_bytes() const;

    // Calls use(GradientTile) for each panel of the task.
    template <typename T, typename Use>
    void run(std::int64_t task, T* scratch, const Use& use) const {
        const Range rows = cut(task % row_blocks_, row_block_, inputs());
        const Range panels = cut(task / row_blocks_, panel_block_, this->panels());
        for (std::int64_t block = 0; block < sample_blocks_; ++block) {
            const Range samples = cut(block, sample_block_, this->samples());
            if (sample_blocks_ > 1) copy_inputs(samples, rows, copied_of(scratch));
            for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
                T* const gradients = scratch + (panel - panels.begin) * row_block_ * width_;
                add(panel, samples, rows, gradients, scratch);
                if (block == sample_blocks_ - 1) use(GradientTile<T>{panel, rows, gradients});
            }
        }
    }

private:
    std::int64_t inputs() const { return x_.shape[1]; }
    std::int64_t outputs() const { return grad_y_.shape[1]; }
    std::int64_t samples() const { return x_.shape[0]; }
    std::int64_t panels() const { return blocks_of(outputs(), width_); }

    static Range cut(std::int64_t number, std::int64_t block, std::int64_t all) {
        return {number * block, std::min((number + 1) * block, all)};
    }

    // A thread's scratch: gradients [panel_block][row_block][width]; then of a small batch grad_y [samples][width], of
    // a large one x [sample_block][row_block].
    template <typename T>
    T* copied_of(T* scratch) const {
        return scratch + panel_block_ * row_block_ * width_;
    }

    // grad_y of a block of samples and a panel of columns, in packed memory.
    template <typename T>
    T* packed_of(std::int64_t sample_block, std::int64_t panel) const {
        return static_cast<T*>(packed_) + (sample_block * panels() + panel) * sample_block_ * width_;
    }

    template <typename T>
    void copy_inputs(Range samples, Range rows, T* to) const;
    template <typename T>
    void copy_columns(std::int64_t sample, Range columns, T* to) const;

    // Adds what some samples give to the gradients of some rows of a panel; the first samples start them.
    template <typename T>
    void add(std::int64_t panel, Range samples, Range rows, T* gradients, T* scratch) const;

    // The same without the inputs that are zero in all samples: their gradients are zero.
    template <typename T>
    void add_live(const GemmProblem<T>& problem, Range rows) const;

    TensorView grad_y_, x_;
    std::int64_t width_;
    Zeros* zeros_;
    void* packed_ = nullptr;
    std::int64_t row_block_, panel_block_, sample_block_, row_blocks_, panel_blocks_, sample_blocks_;
};

}  // namespace fastnn
