#include "plan/weight_gradient.h"

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
// of L1: where they do not lie closer together than this, they are copied first, so many of a panel at a time: a block
// of samples.
constexpr std::int64_t copied_bytes = 16 * 1024;

}  // namespace

WeightGradient::WeightGradient(const TensorView& grad_y, const TensorView& x, std::int64_t width, Zeros* zeros)
    : grad_y_(grad_y), x_(x), width_(width), zeros_(zeros) {
    const std::int64_t tile = x.dtype == DType::float64 ? kernels<double>().rows : kernels<float>().rows;
    row_block_ = cached_rows / tile * tile;
    sample_block_ = std::min(copied_bytes / (width * item_size(x.dtype)), std::max<std::int64_t>(samples(), 1));
    sample_blocks_ = std::max<std::int64_t>(blocks_of(samples(), sample_block_), 1);
    panel_block_ = sample_blocks_ > 1 ? std::clamp<std::int64_t>(most_columns / width, 1, panels()) : few_panels;
    row_blocks_ = blocks_of(inputs(), row_block_);
    panel_blocks_ = blocks_of(panels(), panel_block_);
}

std::int64_t WeightGradient::scratch_bytes() const {
    const std::int64_t copied = sample_block_ * (sample_blocks_ > 1 ? row_block_ : width_);
    return (panel_block_ * row_block_ * width_ + copied) * item_size(x_.dtype);
}

std::int64_t WeightGradient::packed_bytes() const {
    return sample_blocks_ > 1 ? sample_blocks_ * sample_block_ * panels() * width_ * item_size(x_.dtype) : 0;
}

void WeightGradient::pack(Range samples) const {
    dispatch_real(x_.dtype, [&](auto zero) {
        using T = decltype(zero);
        for (std::int64_t i = samples.begin; i < samples.end; ++i) {
            for (std::int64_t panel = 0; panel < panels(); ++panel)
                copy_columns(i, cut(panel, width_, outputs()),
                             packed_of<T>(i / sample_block_, panel) + i % sample_block_ * width_);
        }
    });
}

template <typename T>
void WeightGradient::copy_inputs(Range samples, Range rows, T* to) const {
    for (std::int64_t i = samples.begin; i < samples.end; ++i, to += row_block_) {
        const T* const from = x_.as<T>() + i * x_.stride[0] + rows.begin * x_.stride[1];
        for (std::int64_t row = 0; row < rows.end - rows.begin; ++row) to[row] = from[row * x_.stride[1]];
    }
}

template <typename T>
void WeightGradient::copy_columns(std::int64_t sample, Range columns, T* to) const {
    const T* const from = grad_y_.as<T>() + sample * grad_y_.stride[0];
    std::fill(std::copy(from + columns.begin, from + columns.end, to), to + width_, T(0));
}

template <typename T>
void WeightGradient::add(std::int64_t panel, Range samples, Range rows, T* gradients, T* scratch) const {
    const Range columns = cut(panel, width_, outputs());
    const std::int64_t count = rows.end - rows.begin;
    if (samples.begin == 0 && columns.end - columns.begin < width_)
        std::fill_n(gradients, count * width_, T(0));  // the padding stays as it is
    GemmProblem<T> problem;
    problem.m = count;
    problem.n = columns.end - columns.begin;
    problem.k = samples.end - samples.begin;
    problem.c = gradients;
    problem.c_row = width_;
    T* const copied = copied_of(scratch);
    if (sample_blocks_ > 1) {
        problem.a = copied;
        problem.a_row = 1;
        problem.a_col = row_block_;
        problem.b = {packed_of<T>(samples.begin / sample_block_, panel), width_, width_};
        problem.resumed = samples.begin > 0;
        problem.continued = samples.end < this->samples();
        return gemm_part(problem, 0, {0, count});
    }
    problem.a = x_.as<T>() + rows.begin * x_.stride[1];
    problem.a_row = x_.stride[1];
    problem.a_col = x_.stride[0];
    bool leaves_out = zeros_ != nullptr && zeros_->known();
    if (leaves_out || samples.end * grad_y_.stride[0] * item_size(x_.dtype) > copied_bytes) {
        for (std::int64_t i = 0; i < samples.end; ++i) copy_columns(i, columns, copied + i * width_);
        problem.b = {copied, width_, width_};
        leaves_out = leaves_out && kernels<T>().finite(samples.end * width_, copied);
    } else {
        problem.b = {grad_y_.as<T>() + columns.begin, grad_y_.stride[0], width_};
    }
    leaves_out ? add_live(problem, rows) : gemm_part(problem, 0, {0, count});
}

template <typename T>
void WeightGradient::add_live(const GemmProblem<T>& problem, Range rows) const {
    std::fill_n(problem.c, problem.m * problem.c_row, T(0));
    std::int64_t left_out = problem.m;
    for (Range run = zeros_->live_run(rows.begin, rows.end); run.begin < run.end;
         run = zeros_->live_run(run.end, rows.end)) {
        gemm_part(problem, 0, {run.begin - rows.begin, run.end - rows.begin});
        left_out -= run.end - run.begin;
    }
    zeros_->leave_out_gradients(left_out);
}

template void WeightGradient::copy_inputs(Range, Range, float*) const;
template void WeightGradient::copy_inputs(Range, Range, double*) const;
template void WeightGradient::add(std::int64_t, Range, Range, float*, float*) const;
template void WeightGradient::add(std::int64_t, Range, Range, double*, double*) const;

}  // namespace fastnn
