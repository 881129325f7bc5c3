#include "ops/depthwise.h"

#include <algorithm>

#include "kernels/dispatch.h"

namespace fastnn {

namespace {

// What the pixels of a line meet: where the source's are from the first one's, where the weight's are.
struct LineTaps {
    LineTaps(const ImageProduct& p, const AxisPart& rows, const AxisPart& columns) {
        for (const AxisTap& down : rows.taps) {
            for (const AxisTap& right : columns.taps) {
                source.push_back(down.at * p.source.row() + right.at * p.source.pixel);
                weight.push_back((down.tap * p.kernel_columns + right.tap) * p.tap_stride);
            }
        }
    }
    std::vector<std::int64_t> source, weight;
};

template <typename T>
void multiply_lines(const ImageProduct& p, std::int64_t sample, const AxisPart& rows, const AxisPart& columns) {
    const LineTaps taps(p, rows, columns);
    const T* const source = static_cast<const T*>(p.source.data) + sample * p.source.sample();
    T* const result = static_cast<T*>(p.result.data) + sample * p.result.sample() + columns.first * p.result.pixel;
    for (std::int64_t i = 0; i < rows.count; ++i) {
        DepthwiseArgs<T> args{};
        args.m = columns.count;
        args.n = p.groups;
        args.x = source + i * rows.advance * p.source.row();
        args.x_step = columns.advance * p.source.pixel;
        args.taps = taps.source.data();
        args.weights = taps.weight.data();
        args.count = static_cast<std::int64_t>(taps.source.size());
        args.weight = static_cast<const T*>(p.weight);
        args.bias = static_cast<const T*>(p.bias);
        args.relu = p.relu;
        args.y = result + (rows.first + i * rows.step) * p.result.row();
        args.y_step = columns.step * p.result.pixel;
        kernels<T>().depthwise(args);
    }
}

}  // namespace

void multiply_depthwise(const ImageProduct& p, Range samples) {
    for (std::int64_t sample = samples.begin; sample < samples.end; ++sample) {
        for (const AxisPart& rows : p.rows) {
            for (const AxisPart& columns : p.columns)
                dispatch_real(p.dtype, [&](auto zero) { multiply_lines<decltype(zero)>(p, sample, rows, columns); });
        }
    }
}

void depthwise_gradient(const KernelGradient& gradient, Range samples, void* sums) {
    const Axis &rows = gradient.sizes.window.rows, &columns = gradient.sizes.window.columns;
    const std::int64_t channels = gradient.sizes.channels;
    dispatch_real(gradient.x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const T *const grad_y = gradient.grad_y.as<T>(), *const x = gradient.x.as<T>();
        std::fill_n(static_cast<T*>(sums), gradient.sizes.taps() * channels, T(0));
        const auto add_line = [&](std::int64_t sample, std::int64_t row, std::int64_t down, std::int64_t right) {
            const std::int64_t from = row * rows.stride - rows.before + down * rows.dilation;
            const Range met = columns.outputs_of(right);
            const std::int64_t first = met.begin * columns.stride - columns.before + right * columns.dilation;
            kernels<T>().depthwise_gradient(
                met.end - met.begin, channels,
                grad_y + ((sample * rows.outputs + row) * columns.outputs + met.begin) * channels,
                x + ((sample * rows.size + from) * columns.size + first) * channels, columns.stride * channels,
                static_cast<T*>(sums) + (down * columns.kernel + right) * channels);
        };
        for (std::int64_t sample = samples.begin; sample < samples.end; ++sample) {
            for (std::int64_t down = 0; down < rows.kernel; ++down) {
                const Range met = rows.outputs_of(down);
                for (std::int64_t row = met.begin; row < met.end; ++row) {
                    for (std::int64_t right = 0; right < columns.kernel; ++right) add_line(sample, row, down, right);
                }
            }
        }
        for (std::int64_t i = 0; i < gradient.sizes.taps() * channels; ++i) static_cast<T*>(sums)[i] += T(0);
    });
}

}  // namespace fastnn
