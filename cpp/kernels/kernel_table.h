// The contract between ops (threads above) and kernels (lanes below).
//
// A kernel is single-threaded, allocates nothing, checks nothing and keeps nothing. Every ISA fills one KernelTable
// from the same text (cpu/*.inl); dispatch.h picks the table. This header is included by ISA files, so it holds plain
// data and includes only <cstddef> and <cstdint>.
//
// Letters: M rows, N columns, K reduction length, n elements, C classes.
// Order of reductions (the same bits on every ISA): a GEMM element is one chain of fused multiply-adds over k
// ascending from zero; a column sum is one ascending chain of adds; every reduction along memory is the lane tree:
// sixteen virtual lanes (element j in lane j % 16, ascending), then lane i += lane i + w for w = 8, 4, 2, 1.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastnn {

// How far ahead rows of B are fetched: 8 steps of a tile are about 50 cycles, the latency of L3. Rows side by side are
// followed by the hardware's prefetcher too, within a page; 32 of them hide the latency of larger L3s, some 200 cycles.
constexpr std::int64_t index_ahead = 8, rows_ahead = 32;

// A run of k in a chain of several: where it begins, from a and from b.
struct GemmRun {
    std::int64_t a, b;
};

// Rows of A times one panel of B: C(m, j) = sum over k of A(m, k) * B(k, j), 0 <= j < n <= panel width; then + 0.0 (so
// that -0 and skipped zeros agree), bias, ReLU. A(m, k) = a[m * a_row + k * a_col]; B(k, j) = b[k * b_row + j].
template <typename T>
struct GemmArgs {
    const T* a;
    std::int64_t a_row, a_col;
    const T* b;
    std::int64_t b_row;
    T* c;
    std::int64_t c_row;
    std::int64_t m, n, k;
    bool resume;    // start from C instead of zero: k was split, the chain goes on
    const T* bias;  // n values or null; where the chain ends
    bool relu;      // where the chain ends
    // Null, or which k there are: index[0], ..., index[k - 1], ascending; all other columns of A are zero and B is
    // finite. For a_col = 1 and whole panels (n = b_row = panel). index_ahead more numbers like these are read.
    const std::int32_t* index;
    // Null, or which rows there are: rows[0], ..., rows[m - 1], ascending; the others of C are left as they are. For
    // a_row = 1 and whole panels (n = panel), without an index.
    const std::int32_t* rows;
    // Null, or the runs of k numbers each that a chain goes through, one after the other (none: zeros); not beside an
    // index.
    const GemmRun* runs;
    std::int64_t run_count;
    // Null, or where the rows of C begin, from c; not beside a list of rows.
    const std::int64_t* places;
};

// A line of m pixels of n channels, each channel by itself: y(i, c) = sum over taps t ascending of
// x[i * x_step + taps[t] + c] * weight[weights[t] + c], a chain of fused multiply-adds from zero, then + 0.0, bias (n
// values or null), ReLU; y(i, c) = y[i * y_step + c].
template <typename T>
struct DepthwiseArgs {
    std::int64_t m, n;
    const T* x;
    std::int64_t x_step;
    const std::int64_t *taps, *weights;
    std::int64_t count;
    const T *weight, *bias;
    bool relu;
    T* y;
    std::int64_t y_step;
};

// Pixels as columns, for a result of m channels, at most most_plane_channels: for each place p from 0 on and channel r
// the chain over the runs, in each over k, of weight[run.a + r * weight_row + k * weight_column] * planes[run.b + k *
// plane + p]; then + 0.0, bias (m values or null), ReLU. Places are pixels of lines, `pitch` from one to the next; the
// first `width` of each are results: column c of line l, channel r at result[l * line + c * pixel + r]. Up to four
// vectors of planes behind the last place are read.
template <typename T>
struct PlanesArgs {
    const T* weight;
    std::int64_t weight_row, weight_column;
    const T* planes;
    std::int64_t plane;
    std::int64_t m, k;
    const GemmRun* runs;
    std::int64_t run_count;
    std::int64_t places, pitch, width;
    const T* bias;
    bool relu;
    T* result;
    std::int64_t line, pixel;
};
constexpr std::int64_t most_lanes = 16, most_plane_channels = most_lanes / 2;
constexpr std::int64_t least_planes_panel = 32;  // two of those: with narrower panels planes do not pay

// One row times B, of any width: y(j) = sum over k of x[k * x_step] * b[k * b_row + j], 0 <= j < n; then + 0.0, bias (n
// values or null), ReLU.
template <typename T>
struct GemvArgs {
    const T* x;
    std::int64_t x_step;
    const T* b;
    std::int64_t b_row;
    T* y;
    std::int64_t n, k;
    const T* bias;
    bool relu;
    // Null, or which k there are, as in GemmArgs; all other values of x are zero and B is finite. For x_step = 1.
    const std::int32_t* index;
};

// What fades ends at zero. An optimizer's average shrinks by a factor a step, a gradient through softmax, sigmoid, what
// is made of it or of exp(x), and their cross-entropies exponentially. They would end among the subnormal numbers, an
// average for ever (0.9 times the smallest rounds to itself), where Intel's processors take 150 cycles for each vector
// that meets one; and a gradient meets every row of a weight. By definition they are +0, before they are used and kept:
// * Averages of gradients and steps (m, b), and these gradients, where their magnitude is below 2^26 times the smallest
//   normal number t (2^-100; 2^-996 for double). Its product with what it meets next, a factor of decay, a rate, a
//   pixel or a weight, is normal where that is 2^-26 or more.
// * Averages of squares (v, s) below t (2^-126; 2^-1022), as they meet only a root. A gradient below least_grad =
//   sqrt(t / (1 - beta2)), whose part would be below t too, adds nothing to them.
// What that does to a step, and the eps that it needs: ops/optimizer.h. All else keeps subnormal numbers.

// Adam (Kingma and Ba, 2015) with both bias corrections folded into two scalars:
//   m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;  w = w * keep - rate * m / (sqrt(v) + eps)
// rate = lr sqrt(c2) / c1, eps = eps0 sqrt(c2), c = 1 - beta^t. decay adds decay * w to g (Adam); keep = 1 - lr * decay
// (AdamW).
template <typename T>
struct AdamScalars {
    T beta1, one_minus_beta1, beta2, one_minus_beta2, rate, eps, least_grad, decay, keep;
};

// SGD with momentum (PyTorch's form): g += decay w; b = first ? g : momentum b + (1 - dampening) g;
// d = nesterov ? g + momentum b : b; w -= lr d. Without momentum b is null and d = g.
template <typename T>
struct SgdScalars {
    T lr, momentum, one_minus_dampening, decay;
    bool nesterov, first;
};

// RMSprop (Hinton, lecture 6e; PyTorch's form): s = alpha s + (1 - alpha) g^2; w -= lr g / (sqrt(s) + eps), with
// momentum b = momentum b + g / (sqrt(s) + eps), w -= lr b. keras_eps puts eps under the root.
template <typename T>
struct RmspropScalars {
    T lr, alpha, one_minus_alpha, eps, least_grad, decay, momentum;
    bool eps_inside;
};

template <typename T>
struct Kernels {
    std::int64_t panel;  // columns of one panel of B, a multiple of the vector width
    std::int64_t rows;   // rows of the largest register tile

    void (*gemm)(const GemmArgs<T>& args);
    void (*gemv)(const GemvArgs<T>& args);

    // Patches: row i, at patches + i * patch_row, is the runs of `length` numbers from source + rows[i] + runs[j].a,
    // one behind the other. Up to a vector behind it is written, too.
    void (*gather_patches)(std::int64_t m, const T* source, const std::int64_t* rows, const GemmRun* runs,
                           std::int64_t run_count, std::int64_t length, T* patches, std::int64_t patch_row);

    void (*planes_product)(const PlanesArgs<T>& args);
    // How many places a planes_product computes for so many: whole vectors.
    std::int64_t (*places_computed)(std::int64_t places);
    // planes[c * plane + i] = x[i * pixel + c] for `count` pixels i of n channels c.
    void (*turn_to_planes)(std::int64_t count, std::int64_t n, const T* x, std::int64_t pixel, T* planes,
                           std::int64_t plane);
    // The other way round, to pixels side by side: x[i * n + c] = planes[c * plane + i]; planes are read in whole
    // vectors, of at most most_lanes numbers.
    void (*turn_to_pixels)(std::int64_t count, std::int64_t n, const T* planes, std::int64_t plane, T* x);

    void (*depthwise)(const DepthwiseArgs<T>& args);

    // total[c] goes on as a chain of fused multiply-adds over m pixels: grad_y[i * n + c] * x[i * x_step + c].
    void (*depthwise_gradient)(std::int64_t m, std::int64_t n, const T* grad_y, const T* x, std::int64_t x_step,
                               T* total);

    // Elementwise, n contiguous elements; in and out may be the same array.
    void (*relu)(std::int64_t n, const T* x, T* y);
    void (*relu_backward)(std::int64_t n, const T* grad_y, const T* x, T* grad_x);
    void (*leaky_relu)(std::int64_t n, const T* x, T slope, T* y);
    void (*leaky_relu_backward)(std::int64_t n, const T* grad_y, const T* x, T slope, T* grad_x);
    void (*sigmoid)(std::int64_t n, const T* x, T* y);
    void (*sigmoid_backward)(std::int64_t n, const T* grad_y, const T* y, T* grad_x);
    void (*tanh)(std::int64_t n, const T* x, T* y);
    void (*tanh_backward)(std::int64_t n, const T* grad_y, const T* y, T* grad_x);
    void (*silu)(std::int64_t n, const T* x, T* y);
    void (*silu_backward)(std::int64_t n, const T* grad_y, const T* x, T* grad_x);
    void (*gelu)(std::int64_t n, const T* x, T* y);
    void (*gelu_backward)(std::int64_t n, const T* grad_y, const T* x, T* grad_x);
    void (*gelu_tanh)(std::int64_t n, const T* x, T* y);
    void (*gelu_tanh_backward)(std::int64_t n, const T* grad_y, const T* x, T* grad_x);
    void (*elu)(std::int64_t n, const T* x, T alpha, T* y);
    void (*elu_backward)(std::int64_t n, const T* grad_y, const T* x, T alpha, T* grad_x);
    void (*softplus)(std::int64_t n, const T* x, T* y);
    void (*softplus_backward)(std::int64_t n, const T* grad_y, const T* x, T* grad_x);
    void (*clamp)(std::int64_t n, const T* x, T low, T high, T* y);
    void (*clamp_backward)(std::int64_t n, const T* grad_y, const T* x, T low, T high, T* grad_x);
    void (*exp)(std::int64_t n, const T* x, T* y);
    void (*log)(std::int64_t n, const T* x, T* y);

    // Elementwise with two inputs; a step is 1 (an array) or 0 (one value for all).
    void (*add)(std::int64_t n, const T* a, std::int64_t a_step, const T* b, std::int64_t b_step, T* y);
    void (*subtract)(std::int64_t n, const T* a, std::int64_t a_step, const T* b, std::int64_t b_step, T* y);
    void (*multiply)(std::int64_t n, const T* a, std::int64_t a_step, const T* b, std::int64_t b_step, T* y);
    void (*divide)(std::int64_t n, const T* a, std::int64_t a_step, const T* b, std::int64_t b_step, T* y);

    // One row of n values: y = exp(x - max) / sum, or x - max - log(sum).
    void (*softmax)(std::int64_t n, const T* x, T* y);
    void (*softmax_backward)(std::int64_t n, const T* grad_y, const T* y, T* grad_x);
    void (*log_softmax)(std::int64_t n, const T* x, T* y);
    void (*log_softmax_backward)(std::int64_t n, const T* grad_y, const T* y, T* grad_x);

    // One sample. Returns its loss; grad = d(loss)/d(input) * scale. cross_entropy: n logits, one label.
    T (*cross_entropy)(std::int64_t n, const T* logits, std::int64_t label, T smoothing, T scale, T* grad);
    T (*mse)(std::int64_t n, const T* x, const T* target, T scale, T* grad);
    T (*bce_with_logits)(std::int64_t n, const T* x, const T* target, T scale, T* grad);

    // Reductions. sum and max along memory (lane tree); the sum of each column of m rows, ascending from zero.
    T (*sum)(std::int64_t n, const T* x);
    T (*max)(std::int64_t n, const T* x);
    void (*column_sums)(std::int64_t m, std::int64_t n, const T* x, std::int64_t x_row, T* total);

    // A line of m windows on n channels, whose `count` pixels lie at x + taps[..] (in scanning order), x_step further
    // for the next window; y and grad_y are side by side. max_pool: the first largest, NaN largest of all; at least one
    // tap. avg_pool: a chain of adds from zero, divided. The backwards add to grad_x, or (apart) write to it: no
    // other window has these pixels.
    void (*max_pool)(std::int64_t m, std::int64_t n, const T* x, std::int64_t x_step, const std::int64_t* taps,
                     std::int64_t count, T* y);
    void (*max_pool_backward)(std::int64_t m, std::int64_t n, const T* grad_y, const T* x, std::int64_t x_step,
                              const std::int64_t* taps, std::int64_t count, bool apart, T* grad_x);
    void (*avg_pool)(std::int64_t m, std::int64_t n, const T* x, std::int64_t x_step, const std::int64_t* taps,
                     std::int64_t count, const T* divisors, T* y);
    void (*avg_pool_backward)(std::int64_t m, std::int64_t n, const T* grad_y, const T* divisors, std::int64_t x_step,
                              const std::int64_t* taps, std::int64_t count, bool apart, T* grad_x);

    // Channels of images: `samples` images of m pixels of n numbers, one behind the other. Of each image and channel a
    // chain over the pixels ascending from zero, in float64 (each product and difference rounded there), into totals
    // (samples, n): of x; of (x - mean)^2; of y and of y (x - mean).
    void (*channel_sums)(std::int64_t samples, std::int64_t m, std::int64_t n, const T* x, double* total);
    void (*channel_squares)(std::int64_t samples, std::int64_t m, std::int64_t n, const T* x, const double* mean,
                            double* total);
    void (*channel_products)(std::int64_t samples, std::int64_t m, std::int64_t n, const T* y, const T* x,
                             const double* mean, double* total, double* product);

    // m pixels of n channels: y = (x - mean) scale + bias; grad_x = ((grad_y - a) - (x - mean) b) scale; the last
    // product and sum, and that with b, are fused.
    void (*normalise)(std::int64_t m, std::int64_t n, const T* x, const T* mean, const T* scale, const T* bias, T* y);
    void (*normalise_backward)(std::int64_t m, std::int64_t n, const T* grad_y, const T* x, const T* mean, const T* a,
                               const T* b, const T* scale, T* grad_x);

    // Optimizer updates of n parameters, in place.
    void (*adam)(std::int64_t n, T* w, const T* g, T* m, T* v, const AdamScalars<T>& s);
    void (*sgd)(std::int64_t n, T* w, const T* g, T* buffer, const SgdScalars<T>& s);
    void (*rmsprop)(std::int64_t n, T* w, const T* g, T* square, T* buffer, const RmspropScalars<T>& s);

    // u8 to real: y = x / 255, correctly rounded; then (y - mean) / std where normalise.
    void (*from_uint8)(std::int64_t n, const std::uint8_t* x, bool normalise, T mean, T std, T* y);

    // The columns of x (m rows, n columns) that are not +-0 in every row, ascending, into columns; returns how many.
    // index_ahead more are filled with the last of them (0 where there is none): there must be room for all.
    std::int64_t (*live_columns)(std::int64_t m, std::int64_t n, const T* x, std::int64_t x_row, std::int32_t* columns);
    bool (*finite)(std::int64_t n, const T* x);  // none is infinite or NaN
};

struct KernelTable {
    const char* name;         // what FASTNN_ISA calls it
    const char* description;  // for `fastnn info`
    Kernels<float> f32;
    Kernels<double> f64;
};

}  // namespace fastnn
