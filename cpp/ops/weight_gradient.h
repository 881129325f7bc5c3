// threads above | The gradient of a dense layer's weight, grad_y^T x, in tasks: rows of the weight (inputs) times
// panels.
//
// Gradients are made in a thread's scratch and handed over tile by tile while they are in L1, to be used up at once.
// grad_y is packed beforehand, panel by panel. A large batch goes through in blocks of samples, for which x is copied
// together too, so that what a task reads again and again lies in L1 and L2 and in few pages. The chains of the sums
// are stored after a block and resumed in the next: the same bits.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "ops/matmul.h"
#include "ops/zeros.h"

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
    // width: of a panel. zeros: whether inputs may be left out that are zero in all samples.
    WeightGradient(const TensorView& grad_y, const TensorView& x, std::int64_t width, bool zeros);

    // Whether the batch is large.
    bool by_blocks() const { return sample_blocks_ > 1; }

    // Bytes for grad_y in panels and blocks of samples; 0: it is read as it lies.
    std::int64_t packed_bytes() const;
    void set_packed(void* memory) { packed_ = memory; }

    // Packs some rows and panels of grad_y, before they are used.
    void pack(Range samples, Range panels) const;

    // Those of some inputs into memory [in][out].
    void write(Range inputs, const TensorView& grad_weight) const;

    std::int64_t inputs() const { return x_.shape[1]; }
    std::int64_t samples() const { return x_.shape[0]; }
    std::int64_t panels() const { return panels_; }
    Range panels_of(Range outputs) const { return {outputs.begin / width_, blocks_of(outputs.end, width_)}; }

    // Tasks of about 100 inputs and a few panels.
    std::int64_t tasks() const { return row_blocks_ * blocks_of(panels(), panel_block_); }
    Range rows_of_task(std::int64_t task) const { return cut(task % row_blocks_, row_block_, inputs()); }
    Range panels_of_task(std::int64_t task) const { return cut(task / row_blocks_, panel_block_, panels()); }
    std::int64_t scratch_bytes() const;

    // Calls use(GradientTile) for each block of these inputs of each of these panels. x: what was given, in memory that
    // this thread may read; live: the inputs that are not zero in all samples, or all. Returns how many inputs of
    // panels were left out.
    template <typename T, typename Use>
    std::int64_t run(Range rows, Range panels, const TensorView& x, const LiveColumns& live, T* scratch,
                     const Use& use) const {
        std::int64_t left_out = 0;
        for (std::int64_t first = panels.begin; first < panels.end; first += panel_block_) {
            const Range some{first, std::min(first + panel_block_, panels.end)};
            for (std::int64_t row = rows.begin; row < rows.end; row += row_block_)
                left_out += run_block({row, std::min(row + row_block_, rows.end)}, some, x, live, scratch, use);
        }
        return left_out;
    }

private:
    std::int64_t outputs() const { return grad_y_.shape[1]; }

    static Range cut(std::int64_t number, std::int64_t block, std::int64_t all) {
        return {number * block, std::min((number + 1) * block, all)};
    }

    template <typename T, typename Use>
    std::int64_t run_block(Range rows, Range panels, const TensorView& x, const LiveColumns& live, T* scratch,
                           const Use& use) const {
        std::int64_t left_out = 0;
        for (std::int64_t block = 0; block < sample_blocks_; ++block) {
            const Range some = cut(block, sample_block_, samples());
            if (sample_blocks_ > 1) copy_inputs(x, some, rows, copied_of(scratch));
            for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
                T* const gradients = scratch + (panel - panels.begin) * row_block_ * width_;
                const GemmProblem<T> problem = problem_of(panel, some, rows, x, gradients, copied_of(scratch));
                left_out += add(problem, rows, live);
                if (block == sample_blocks_ - 1) use(GradientTile<T>{panel, rows, gradients});
            }
        }
        return left_out / sample_blocks_;
    }

    // A thread's scratch: gradients [panel_block][row_block][width]; then of a large batch x [sample_block][row_block].
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
    void copy_inputs(const TensorView& x, Range samples, Range rows, T* to) const;

    // What some samples give to the gradients of some rows of a panel; the first samples start them.
    template <typename T>
    GemmProblem<T> problem_of(std::int64_t panel, Range samples, Range rows, const TensorView& x, T* gradients,
                              const T* copied) const;
    template <typename T>
    std::int64_t add(const GemmProblem<T>& problem, Range rows, const LiveColumns& live) const;

    TensorView grad_y_, x_;
    std::int64_t width_;
    bool packs_;
    void* packed_ = nullptr;
    std::int64_t panels_, row_block_, row_blocks_, panel_block_, sample_block_, sample_blocks_;
};

}  // namespace fastnn
