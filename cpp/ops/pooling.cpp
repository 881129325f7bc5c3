#include "ops/pooling.h"

#include <algorithm>
#include <limits>

#include "core/aligned_buffer.h"
#include "core/check.h"
#include "kernels/dispatch.h"

namespace fastnn {

namespace {

Facts with_windows(Facts facts) {
    return facts.attribute("kernel_size", Argument::Kind::integers)
        .attribute("stride", Argument::Kind::integers)
        .attribute("padding", Argument::Kind::integers)
        .cut(samples);
}

Facts with_counts(const Facts& facts) {
    return with_windows(facts)
        .attribute("ceil_mode", false)
        .attribute("count_include_pad", true)
        .attribute("divisor", Argument::Kind::integer);
}

}  // namespace

const Facts max_pool2d_facts = with_windows(Facts("max_pool2d").array("x"))
                                   .attribute("dilation", Argument::Kind::integers)
                                   .attribute("ceil_mode", false);
const Facts max_pool2d_backward_facts = with_windows(Facts("max_pool2d_backward").array("grad_y").array("x"))
                                            .attribute("dilation", Argument::Kind::integers)
                                            .attribute("ceil_mode", false);
const Facts avg_pool2d_facts = with_counts(Facts("avg_pool2d").array("x"));
const Facts avg_pool2d_backward_facts =
    with_counts(Facts("avg_pool2d_backward").array("grad_y").attribute("size", Argument::Kind::integers));
const Facts adaptive_avg_pool2d_facts =
    Facts("adaptive_avg_pool2d").array("x").attribute("output_size", Argument::Kind::integers).cut(samples);
const Facts adaptive_avg_pool2d_backward_facts =
    Facts("adaptive_avg_pool2d_backward").array("grad_y").attribute("size", Argument::Kind::integers).cut(samples);

namespace {

// Pixels of an axis that its windows meet, as often as they do.
std::int64_t met(const std::vector<AxisPart>& parts) {
    std::int64_t count = 0;
    for (const AxisPart& part : parts) count += part.count * static_cast<std::int64_t>(part.taps.size());
    return count;
}

}  // namespace

double Pooling::operations(bool backward) const {
    const double taps = static_cast<double>(met(rows)) * static_cast<double>(met(columns));
    return (backward ? 4 : 2) * taps * static_cast<double>(samples * channels);
}

namespace {

// By how many pixels of an axis the windows' sums are divided.
std::vector<double> counts_of(const Axis& axis, const PoolingSettings& settings) {
    std::vector<double> counts;
    for (std::int64_t i = 0; i < axis.outputs; ++i) {
        const std::int64_t first = axis.first_input(i), end = first + axis.kernel;
        const std::int64_t count = settings.count_include_pad
                                       ? std::min(end, axis.size + axis.behind) - first
                                       : std::min(end, axis.size) - std::max(first, std::int64_t{0});
        counts.push_back(static_cast<double>(count));
    }
    return counts;
}

void check_padding(const char* op, const PoolingSettings& settings) {
    for (std::size_t i = 0; i < 4; ++i) {
        const std::int64_t kernel = settings.kernel[i % 2], padding = settings.padding[i];
        if (padding > kernel / 2)
            fail(op, "padding ", padding, " is more than half of the kernel of ", kernel,
                 ": some windows would lie in the padding alone");
    }
}

}  // namespace

Pooling pooling_of(const char* op, const std::vector<std::int64_t>& x_shape, const PoolingSettings& settings) {
    if (x_shape.size() != 4) fail(op, "the size of the images is four numbers: (N, C, H, W)");
    const Window window =
        window_of(op, x_shape[2], x_shape[3],
                  {settings.kernel, settings.stride, settings.padding, settings.dilation, settings.ceil_mode});
    check_padding(op, settings);
    if (settings.divisor < 0) fail(op, "divisor_override is ", settings.divisor, "; it must be at least 1");
    Pooling pooling{x_shape[0],
                    x_shape[1],
                    x_shape[2],
                    x_shape[3],
                    window.rows.outputs,
                    window.columns.outputs,
                    parts_of_outputs(window.rows),
                    parts_of_outputs(window.columns),
                    {},
                    {}};
    pooling.apart = window.rows.stride >= window.rows.window() && window.columns.stride >= window.columns.window();
    pooling.row_counts = counts_of(window.rows, settings);
    pooling.column_counts = counts_of(window.columns, settings);
    if (settings.divisor > 0) {
        std::fill(pooling.row_counts.begin(), pooling.row_counts.end(), static_cast<double>(settings.divisor));
        std::fill(pooling.column_counts.begin(), pooling.column_counts.end(), 1.0);
    }
    return pooling;
}

namespace {

void cut_evenly(std::int64_t inputs, std::int64_t outputs, std::vector<AxisPart>& parts, std::vector<double>& counts) {
    for (std::int64_t i = 0; i < outputs; ++i) {
        const std::int64_t begin = i * inputs / outputs, end = blocks_of((i + 1) * inputs, outputs);
        parts.push_back({i, 1, 1, 0, {}});
        for (std::int64_t at = begin; at < end; ++at) parts.back().taps.push_back({at - begin, at});
        counts.push_back(static_cast<double>(end - begin));
    }
}

}  // namespace

Pooling adaptive_pooling_of(const char* op, const std::vector<std::int64_t>& x_shape,
                            const std::vector<std::int64_t>& outputs) {
    if (x_shape.size() != 4) fail(op, "the size of the images is four numbers: (N, C, H, W)");
    if (outputs.size() != 2) fail(op, "output_size is two numbers, rows and columns");
    for (const std::int64_t output : outputs) {
        if (output < 1) fail(op, "output_size is ", output, "; it must be at least 1");
        if (output > 1 << 16) fail(op, "output_size is ", output, "; it must be at most ", 1 << 16);
    }
    if (x_shape[2] < 1 || x_shape[3] < 1) fail(op, "images of ", x_shape[2], " x ", x_shape[3], " pixels have no mean");
    if (x_shape[2] > 1 << 20 || x_shape[3] > 1 << 20)
        fail(op, "images of ", x_shape[2], " x ", x_shape[3], " pixels; at most ", 1 << 20, " a side are supported");
    Pooling pooling{x_shape[0], x_shape[1], x_shape[2], x_shape[3], outputs[0], outputs[1], {}, {}, {}, {}};
    pooling.apart = x_shape[2] % outputs[0] == 0 && x_shape[3] % outputs[1] == 0;
    cut_evenly(x_shape[2], outputs[0], pooling.rows, pooling.row_counts);
    cut_evenly(x_shape[3], outputs[1], pooling.columns, pooling.column_counts);
    return pooling;
}

void pooling_check(const char* op, const char* name, const TensorView& images) {
    check_real(op, name, images);
    if (images.rank != 4)
        fail(op, name, " has shape ", shape_text(images), ": images are (N, C, H, W); one image needs unsqueeze(0)");
}

void pooling_backward_check(const char* op, const TensorView& grad_y, const Pooling& pooling) {
    pooling_check(op, "grad_y", grad_y);
    const std::vector<std::int64_t> wanted = pooling.y_shape();
    if (std::equal(wanted.begin(), wanted.end(), grad_y.shape.begin())) return;
    fail(op, "grad_y has shape ", shape_text(grad_y), ", it must be (", wanted[0], ", ", wanted[1], ", ", wanted[2],
         ", ", wanted[3], ")");
}

namespace {

using Taps = std::vector<std::int64_t>;

// By part of the columns, what windows meet that are in some rows.
std::vector<Taps> taps_of(const Pooling& p, const AxisPart& rows) {
    std::vector<Taps> taps;
    for (const AxisPart& columns : p.columns) {
        Taps& some = taps.emplace_back();
        for (const AxisTap& down : rows.taps) {
            for (const AxisTap& right : columns.taps) some.push_back((down.at * p.width + right.at) * p.channels);
        }
    }
    return taps;
}

// Calls f(windows of a line: place of the first in y, in x; their number, their distance in x, taps, number of the
// first one's row and column), in scanning order.
template <typename F>
void for_each_line(Range some, const Pooling& p, F f) {
    std::vector<std::vector<Taps>> taps;
    for (const AxisPart& rows : p.rows) taps.push_back(taps_of(p, rows));
    const auto in_row = [&](std::int64_t sample, std::size_t part, std::int64_t i) {
        const std::int64_t output = p.rows[part].first + i;
        const std::int64_t x = (sample * p.height + i * p.rows[part].advance) * p.width * p.channels;
        for (std::size_t j = 0; j < p.columns.size(); ++j) {
            const AxisPart& columns = p.columns[j];
            const std::int64_t y = ((sample * p.out_height + output) * p.out_width + columns.first) * p.channels;
            f(y, x, columns.count, columns.advance * p.channels, taps[part][j], output, columns.first);
        }
    };
    for (std::int64_t sample = some.begin; sample < some.end; ++sample) {
        for (std::size_t part = 0; part < p.rows.size(); ++part) {
            for (std::int64_t i = 0; i < p.rows[part].count; ++i) in_row(sample, part, i);
        }
    }
}

template <typename T>
std::vector<T> divisors_of(const Pooling& p, std::int64_t row, std::int64_t first, std::int64_t count) {
    std::vector<T> divisors;
    for (std::int64_t j = first; j < first + count; ++j)
        divisors.push_back(
            static_cast<T>(p.row_counts[static_cast<std::size_t>(row)] * p.column_counts[static_cast<std::size_t>(j)]));
    return divisors;
}

// Where windows add to their pixels, or leave some out.
template <typename T>
void clear_images(Range some, const Pooling& p, const TensorView& images) {
    if (p.apart && met(p.rows) == p.height && met(p.columns) == p.width) return;
    const std::int64_t size = p.height * p.width * p.channels;
    std::fill(images.as<T>() + some.begin * size, images.as<T>() + some.end * size, T(0));
}

std::int64_t count_of(const std::vector<std::int64_t>& taps) { return static_cast<std::int64_t>(taps.size()); }

}  // namespace

void max_pool2d(Range some, const Pooling& p, const TensorView& x, const TensorView& y) {
    dispatch_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        for_each_line(some, p, [&](auto to, auto from, auto count, auto step, const auto& taps, auto, auto) {
            T* const out = y.as<T>() + to;
            if (taps.empty()) {
                std::fill_n(out, count * p.channels, -std::numeric_limits<T>::infinity());
            } else {
                kernels<T>().max_pool(count, p.channels, x.as<T>() + from, step, taps.data(), count_of(taps), out);
            }
        });
    });
}

void max_pool2d_backward(Range some, const Pooling& p, const TensorView& grad_y, const TensorView& x,
                         const TensorView& grad_x) {
    dispatch_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        clear_images<T>(some, p, grad_x);
        for_each_line(some, p, [&](auto to, auto from, auto count, auto step, const auto& taps, auto, auto) {
            if (taps.empty()) return;
            kernels<T>().max_pool_backward(count, p.channels, grad_y.as<T>() + to, x.as<T>() + from, step, taps.data(),
                                           count_of(taps), p.apart, grad_x.as<T>() + from);
        });
    });
}

void avg_pool2d(Range some, const Pooling& p, const TensorView& x, const TensorView& y) {
    dispatch_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        for_each_line(some, p, [&](auto to, auto from, auto count, auto step, const auto& taps, auto row, auto first) {
            const std::vector<T> divisors = divisors_of<T>(p, row, first, count);
            kernels<T>().avg_pool(count, p.channels, x.as<T>() + from, step, taps.data(), count_of(taps),
                                  divisors.data(), y.as<T>() + to);
        });
    });
}

void avg_pool2d_backward(Range some, const Pooling& p, const TensorView& grad_y, const TensorView& grad_x) {
    dispatch_real(grad_y.dtype, [&](auto zero) {
        using T = decltype(zero);
        clear_images<T>(some, p, grad_x);
        for_each_line(some, p, [&](auto to, auto from, auto count, auto step, const auto& taps, auto row, auto first) {
            const std::vector<T> divisors = divisors_of<T>(p, row, first, count);
            kernels<T>().avg_pool_backward(count, p.channels, grad_y.as<T>() + to, divisors.data(), step, taps.data(),
                                           count_of(taps), p.apart, grad_x.as<T>() + from);
        });
    });
}

void adaptive_avg_pool2d(Range some, const Pooling& p, const TensorView& x, const TensorView& y) {
    thread_local AlignedBuffer buffer;
    dispatch_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        std::vector<double> sums(static_cast<std::size_t>(p.channels));
        std::vector<GemmRun> runs;
        for_each_line(some, p, [&](auto to, auto from, auto, auto, const auto& taps, auto row, auto column) {
            const auto width = static_cast<std::int64_t>(p.column_counts[static_cast<std::size_t>(column)]);
            const double count = p.row_counts[static_cast<std::size_t>(row)] * static_cast<double>(width);
            const T* window = x.as<T>() + from;  // pixels side by side, or copied so
            if (width < p.width) {
                runs.clear();
                for (std::size_t i = 0; i < taps.size(); i += static_cast<std::size_t>(width))
                    runs.push_back({taps[i], 0});
                buffer.grow((taps.size() * static_cast<std::size_t>(p.channels) + cache_line) * sizeof(T));
                kernels<T>().gather_patches(1, x.as<T>(), &from, runs.data(), static_cast<std::int64_t>(runs.size()),
                                            width * p.channels, static_cast<T*>(buffer.data()), 0);
                window = static_cast<const T*>(buffer.data());
            } else {
                window += taps[0];
            }
            kernels<T>().channel_sums(1, count_of(taps), p.channels, window, sums.data());
            std::transform(sums.begin(), sums.end(), y.as<T>() + to,
                           [count](double sum) { return static_cast<T>(sum / count); });
        });
    });
}

}  // namespace fastnn
