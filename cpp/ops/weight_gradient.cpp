#include "ops/weight_gradient.h"

#include "core/aligned_buffer.h"
#include "kernels/dispatch.h"

namespace fastnn {

namespace {

// Rows of a task: as many whole register tiles as come near 100. Of a batch of 64 they are 25 KB of inputs, which are
// read from L2 for the first panel and lie in L1 for the next.
constexpr std::int64_t cached_rows = 100;

// Panels of a task. Two halve the reading of x from L2, and leave tasks of 5 to 10 us, so that threads end together. A
// large batch, which comes from memory, has tasks of milliseconds: 256 columns of gradients are 100 KB of L2 and read x
// once for most layers.
constexpr std::int64_t few_panels = 2, most_columns = 256;

// Half of L1. A batch's gradients lie a power of two apart as often as not, so that a panel's rows meet in a few sets
// of L1: where they do not lie closer together than this, they are packed, so many of a panel at a time: a block of
// samples.
constexpr std::int64_t packed_block = 16 * 1024;

}  // namespace

WeightGradient::WeightGradient(const TensorView& grad_y, const TensorView& x, std::int64_t width, bool zeros)
    : grad_y_(grad_y), x_(x), width_(width) {
    const std::int64_t tile = x.dtype == DType::float64 ? kernels<double>().rows : kernels<float>().rows;
    const std::int64_t item = item_size(x.dtype);
    panels_ = blocks_of(outputs(), width);
    row_block_ = cached_rows / tile * tile;
    row_blocks_ = blocks_of(inputs(), row_block_);
    sample_block_ = std::min(packed_block / (width * item), std::max<std::int64_t>(samples(), 1));
    sample_blocks_ = std::max<std::int64_t>(blocks_of(samples(), sample_block_), 1);
    panel_block_ = sample_blocks_ > 1 ? std::clamp<std::int64_t>(most_columns / width, 1, panels()) : few_panels;
    packs_ = zeros || sample_blocks_ > 1 || samples() * grad_y.stride[0] * item > packed_block;
}

std::int64_t WeightGradient::scratch_bytes() const {
    const std::int64_t copied = sample_blocks_ > 1 ? sample_block_ * row_block_ : 0;
    return (panel_block_ * row_block_ * width_ + copied) * item_size(x_.dtype);
}

std::int64_t WeightGradient::packed_bytes() const {
    return packs_ ? sample_blocks_ * sample_block_ * panels() * width_ * item_size(x_.dtype) : 0;
}

void WeightGradient::pack(Range samples, Range panels) const {
    dispatch_real(x_.dtype, [&](auto zero) {
        using T = decltype(zero);
        for (std::int64_t i = samples.begin; i < samples.end; ++i) {
            const T* const from = grad_y_.as<T>() + i * grad_y_.stride[0];
            for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
                const Range columns = cut(panel, width_, outputs());
                T* const to = packed_of<T>(i / sample_block_, panel) + i % sample_block_ * width_;
                std::fill(std::copy(from + columns.begin, from + columns.end, to), to + width_, T(0));
            }
        }
    });
}

template <typename T>
void WeightGradient::copy_inputs(const TensorView& x, Range samples, Range rows, T* to) const {
    const std::int64_t step = x.stride[1], count = rows.end - rows.begin;
    for (std::int64_t i = samples.begin; i < samples.end; ++i, to += row_block_) {
        const T* const from = x.as<T>() + i * x.stride[0] + rows.begin * step;
        if (step == 1) {
            std::copy_n(from, count, to);
        } else {
            for (std::int64_t row = 0; row < count; ++row) to[row] = from[row * step];
        }
    }
}

template <typename T>
GemmProblem<T> WeightGradient::problem_of(std::int64_t panel, Range samples, Range rows, const TensorView& x,
                                          T* gradients, const T* copied) const {
    const Range columns = cut(panel, width_, outputs());
    GemmProblem<T> problem;
    problem.m = rows.end - rows.begin;
    problem.n = columns.end - columns.begin;
    problem.k = samples.end - samples.begin;
    problem.c = gradients;
    problem.c_row = width_;
    problem.resumed = samples.begin > 0;
    problem.continued = samples.end < this->samples();
    if (sample_blocks_ > 1) {
        problem.a = copied;
        problem.a_row = 1;
        problem.a_col = row_block_;
    } else {
        problem.a = x.as<T>() + rows.begin * x.stride[1];
        problem.a_row = x.stride[1];
        problem.a_col = x.stride[0];
    }
    problem.b = {grad_y_.as<T>() + columns.begin, grad_y_.stride[0], width_};
    if (packs_) problem.b = {packed_of<T>(samples.begin / sample_block_, panel), width_, width_};
    return problem;
}

// Inputs that are zero in all samples have gradients of zero, where what they are multiplied with is finite.
template <typename T>
std::int64_t WeightGradient::add(const GemmProblem<T>& problem, Range rows, const LiveColumns& live) const {
    const bool all = live.columns == nullptr || !kernels<T>().finite(problem.k * width_, problem.b.data);
    // Padding stays as it is, and so do the rows that are left out.
    if (!problem.resumed && (!all || problem.n < width_)) std::fill_n(problem.c, problem.m * width_, T(0));
    all ? gemm_part(problem, 0, {0, problem.m}) : gemm_live_rows(problem, rows, live);
    const std::int32_t *const first = live.columns, *const end = first + live.count;
    return all ? 0 : problem.m - (std::lower_bound(first, end, rows.end) - std::lower_bound(first, end, rows.begin));
}

void WeightGradient::write(Range inputs, const TensorView& grad_weight) const {
    thread_local AlignedBuffer scratch;
    scratch.grow(static_cast<std::size_t>(scratch_bytes()));
    dispatch_real(x_.dtype, [&](auto zero) {
        using T = decltype(zero);
        run(inputs, {0, panels()}, x_, {}, static_cast<T*>(scratch.data()), [&](const GradientTile<T>& tile) {
            const Range columns = cut(tile.panel, width_, outputs());
            for (std::int64_t row = tile.rows.begin; row < tile.rows.end; ++row) {
                const T* const from = tile.gradients + (row - tile.rows.begin) * width_;
                T* const to = grad_weight.as<T>() + row * grad_weight.stride[1] + columns.begin;
                std::copy_n(from, columns.end - columns.begin, to);
            }
        });
    });
}

template void WeightGradient::copy_inputs(const TensorView&, Range, Range, float*) const;
template void WeightGradient::copy_inputs(const TensorView&, Range, Range, double*) const;
template GemmProblem<float> WeightGradient::problem_of(std::int64_t, Range, Range, const TensorView&, float*,
                                                       const float*) const;
template GemmProblem<double> WeightGradient::problem_of(std::int64_t, Range, Range, const TensorView&, double*,
                                                        const double*) const;
template std::int64_t WeightGradient::add(const GemmProblem<float>&, Range, const LiveColumns&) const;
template std::int64_t WeightGradient::add(const GemmProblem<double>&, Range, const LiveColumns&) const;

}  // namespace fastnn
