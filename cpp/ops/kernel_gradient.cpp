#include "ops/kernel_gradient.h"

#include <algorithm>
#include <utility>

#include "core/aligned_buffer.h"
#include "kernels/dispatch.h"
#include "ops/depthwise.h"

namespace fastnn {

namespace {

// Gradients of a panel that lie in half of a 48 KB L1 cache while all rows of tiles go over them. The chains are stored
// and resumed: no bits change.
constexpr std::int64_t block_bytes = 24 << 10;

// Channels from which on a tap by itself fills tiles: with fewer, the taps of a row are done together, which needs a
// frame of zeros around the image.
constexpr std::int64_t channels_of_a_tap = 24;

template <typename T>
T* gradient_scratch(AlignedBuffer& buffer, std::int64_t items) {
    buffer.grow(static_cast<std::size_t>(items) * sizeof(T));
    return static_cast<T*>(buffer.data());
}

// One chunk's gradient.
template <typename T>
class ChunkGradient {
public:
    ChunkGradient(const KernelGradient& gradient, std::int64_t chunk, T* result)
        : s_(gradient.sizes),
          stacked_(rows_of_unit(s_)),
          stacks_(stacks(s_)),
          result_(result),
          grad_y_(gradient.grad_y.as<T>()),
          x_(gradient.x.as<T>()) {
        const std::int64_t samples = chunk_samples(s_);
        first_ = chunk * samples;
        end_ = std::min(s_.samples, first_ + samples);
        const std::int64_t height = rows().size + rows().before + rows().behind,
                           width = columns().size + columns().before + columns().behind;
        const bool padded = height > rows().size || width > columns().size;
        pixel_ = s_.channels;
        x_row_ = columns().size * pixel_;
        joined_ = joinable(s_) &&
                  (!padded || (frame_pays(height * width, rows().size * columns().size, pixels()) && finite()));
        turned_ = joined_ && stacked_rows(s_) > 0;
        if (joined_ && (padded || stacked_ > 1)) frame();
        if (!framed_) x_ += first_ * rows().size * x_row_;
        grad_y_ += first_ * pixels() * s_.outputs;
    }

    // Units: a row of the kernel, or some that are stacked, in a panel of outputs.
    static std::int64_t panels_of_group(const Convolution& sizes) {
        return blocks_of(sizes.outputs / sizes.groups, kernels<T>().panel);
    }
    static std::int64_t units(const Convolution& sizes) {
        return sizes.groups * panels_of_group(sizes) * stacks(sizes);
    }

    void multiply(Range units) {
        const std::int64_t lines = (end_ - first_) * rows().outputs;
        const std::int64_t line_items = columns().outputs * std::min(s_.outputs, kernels<T>().panel);
        const std::int64_t step =
            std::max<std::int64_t>(block_bytes / sizeof(T) / std::max<std::int64_t>(line_items, 1), 1);
        for (std::int64_t line = 0; line < lines || line == 0; line += step) {
            lines_ = {line, std::min(lines, line + step)};
            std::int64_t panel = -1;
            for (std::int64_t unit = units.begin; unit < units.end; ++unit) {
                if (unit / stacks_ != panel) take_panel(panel = unit / stacks_);
                add_stack(unit % stacks_);
            }
        }
        if (turned_) turn_back(units);
    }

private:
    // Whether the taps of a row of the kernel lie side by side in the image.
    static bool joinable(const Convolution& sizes) {
        return sizes.groups == 1 && sizes.window.columns.dilation == 1 && sizes.channels < channels_of_a_tap;
    }

    // How many rows of the kernel are columns of one turned product; none: it is not turned. Whichever has the fewest
    // multiply-adds of vectors for a pixel, where a tile takes as long as eight chains: two begin in each of the four
    // cycles that one lasts. Stacking takes a copy, turning another.
    static std::int64_t stacked_rows(const Convolution& sizes) {
        const std::int64_t panel = kernels<T>().panel, lanes = panel / 2, outputs = sizes.outputs;
        const std::int64_t kernel_rows = sizes.window.rows.kernel, taps = sizes.window.columns.kernel * sizes.channels;
        if (!joinable(sizes) || taps == 0 || taps > panel || outputs > panel) return 0;
        const auto time = [lanes](std::int64_t products, std::int64_t rows, std::int64_t columns) {
            return products * std::max<std::int64_t>(rows * blocks_of(columns, lanes), 8);
        };
        const std::int64_t most = sizes.channels == 1 || sizes.window.rows.dilation == 1 ? panel / taps : 1;
        const std::int64_t products = blocks_of(kernel_rows, most), stacked = blocks_of(kernel_rows, products);
        const std::int64_t straight = time(kernel_rows, taps, outputs), turned = time(kernel_rows, outputs, taps);
        const std::int64_t together = time(products, outputs, stacked * taps);
        if (4 * together <= 3 * std::min(turned, straight)) return stacked;
        return 6 * turned <= 5 * straight ? 1 : 0;
    }
    static std::int64_t rows_of_unit(const Convolution& sizes) {
        return std::max<std::int64_t>(stacked_rows(sizes), 1);
    }
    static std::int64_t stacks(const Convolution& sizes) {
        return blocks_of(sizes.window.rows.kernel, rows_of_unit(sizes));
    }

    bool finite() const {
        const std::int64_t sample = pixels() * s_.outputs;
        return kernels<T>().finite((end_ - first_) * sample, grad_y_ + first_ * sample);
    }

    const Axis& rows() const { return s_.window.rows; }
    const Axis& columns() const { return s_.window.columns; }
    std::int64_t pixels() const { return rows().outputs * columns().outputs; }

    // The images in a frame of zeros; where rows of the kernel are stacked, with those below it beside each pixel.
    void frame() {
        const std::int64_t samples = end_ - first_, height = rows().size + rows().before + rows().behind,
                           width = columns().size + columns().before + columns().behind;
        pixel_ = stacked_ * s_.channels;
        x_row_ = width * pixel_;
        T* const framed = gradient_scratch<T>(frame_memory(), samples * height * x_row_);
        stacked_ > 1 && kernels<T>().panel >= least_planes_panel ? stack(height, width, framed)
                                                                 : surround(height, framed);
        x_ = framed;
        framed_ = true;
    }

    const T* source(std::int64_t sample, std::int64_t row) const {
        return x_ + ((first_ + sample) * rows().size + row) * columns().size * s_.channels;
    }

    void surround(std::int64_t height, T* framed) const {
        std::fill_n(framed, (end_ - first_) * height * x_row_, T(0));
        for (std::int64_t i = 0; i < (end_ - first_) * height; ++i) {
            for (std::int64_t below = 0; below < stacked_; ++below) {
                const std::int64_t row = i % height + below * rows().dilation - rows().before;
                if (row < 0 || row >= rows().size) continue;
                copy_line(source(i / height, row),
                          framed + i * x_row_ + columns().before * pixel_ + below * s_.channels);
            }
        }
    }

    void copy_line(const T* from, T* to) const {
        if (pixel_ == s_.channels) {
            std::copy_n(from, columns().size * s_.channels, to);
            return;
        }
        for (std::int64_t channel = 0; channel < s_.channels; ++channel) {
            for (std::int64_t i = 0; i < columns().size; ++i)
                to[i * pixel_ + channel] = from[i * s_.channels + channel];
        }
    }

    // The same by turning wide vectors: from one sample's planes in such a frame, [row][channel][column]: those of a
    // row and of the rows below it.
    void stack(std::int64_t height, std::int64_t width, T* framed) const {
        const std::int64_t all_rows = height + (stacked_ - 1) * rows().dilation, row_items = s_.channels * width;
        const std::int64_t items = all_rows * row_items + most_lanes;  // with what is read behind the last
        T* const planes = gradient_scratch<T>(panel_memory(), items);
        std::fill_n(planes, items, T(0));
        for (std::int64_t sample = 0; sample < end_ - first_; ++sample) {
            for (std::int64_t row = 0; row < rows().size; ++row)
                kernels<T>().turn_to_planes(columns().size, s_.channels, source(sample, row), s_.channels,
                                            planes + (row + rows().before) * row_items + columns().before, width);
            for (std::int64_t row = 0; row < height; ++row)
                kernels<T>().turn_to_pixels(width, pixel_, planes + row * row_items, width * rows().dilation,
                                            framed + (sample * height + row) * x_row_);
        }
    }

    // The panel's part of grad_y, side by side where it lies apart.
    void take_panel(std::int64_t number) {
        const std::int64_t panels = panels_of_group(s_), outputs = s_.outputs / s_.groups;
        group_ = number / panels;
        first_output_ = number % panels * kernels<T>().panel;
        count_ = std::min(kernels<T>().panel, outputs - first_output_);
        first_output_ += group_ * outputs;
        b_ = grad_y_ + lines_.begin * columns().outputs * s_.outputs + first_output_;
        b_row_ = s_.outputs;
        if (s_.outputs <= kernels<T>().panel) return;
        const std::int64_t count = (lines_.end - lines_.begin) * columns().outputs;
        T* const copied = gradient_scratch<T>(panel_memory(), count * kernels<T>().panel);
        for (std::int64_t i = 0; i < count; ++i) std::copy_n(b_ + i * b_row_, count_, copied + i * kernels<T>().panel);
        b_ = copied;
        b_row_ = kernels<T>().panel;
    }

    void add_stack(std::int64_t number) {
        const std::int64_t first = number * stacked_;
        if (turned_) return add(first, 0, {0, columns().outputs}, columns().kernel * pixel_);
        for (std::int64_t row = first; row < std::min(first + stacked_, rows().kernel); ++row) add_row(row);
    }

    void add_row(std::int64_t kernel_row) {
        if (joined_) return add(kernel_row, 0, {0, columns().outputs}, columns().kernel * s_.channels);
        for (std::int64_t tap = 0; tap < columns().kernel; ++tap)
            add(kernel_row, tap, columns().outputs_of(tap), s_.group_channels());
    }

    // Rows of the gradient that begin with a tap, from the pixels of some output columns.
    void add(std::int64_t kernel_row, std::int64_t tap, Range outputs, std::int64_t count) {
        const std::int64_t height = framed_ ? rows().size + rows().before + rows().behind : rows().size;
        const Range met_rows = framed_ ? Range{0, rows().outputs} : rows().outputs_of(kernel_row);
        const std::int64_t up = framed_ ? 0 : rows().before, back = framed_ ? 0 : columns().before;
        runs_.clear();
        for (std::int64_t line = lines_.begin; line < lines_.end; ++line) {
            const std::int64_t sample = line / rows().outputs, output = line % rows().outputs;
            if (output < met_rows.begin || output >= met_rows.end) continue;
            const std::int64_t row = output * rows().stride + kernel_row * rows().dilation - up;
            const std::int64_t column = outputs.begin * columns().stride + tap * columns().dilation - back;
            runs_.push_back({(sample * height + row) * x_row_ + column * pixel_ + group_ * s_.group_channels(),
                             ((line - lines_.begin) * columns().outputs + outputs.begin) * b_row_});
        }
        if (lines_.begin > 0 && (runs_.empty() || outputs.begin == outputs.end)) return;
        GemmArgs<T> args = turned_ ? turned_product(kernel_row, count) : product(kernel_row, tap, count);
        args.k = runs_.empty() ? 0 : outputs.end - outputs.begin;
        args.resume = lines_.begin > 0;
        args.runs = runs_.data();
        args.run_count = static_cast<std::int64_t>(runs_.size());
        kernels<T>().gemm(args);
    }

    GemmArgs<T> product(std::int64_t kernel_row, std::int64_t tap, std::int64_t count) const {
        GemmArgs<T> args{};
        args.a = x_;
        args.a_row = 1;
        args.a_col = columns().stride * pixel_;
        args.b = b_;
        args.b_row = b_row_;
        args.c = result_ + (kernel_row * columns().kernel + tap) * s_.group_channels() * s_.outputs + first_output_;
        args.c_row = s_.outputs;
        args.m = count;
        args.n = count_;
        return args;
    }

    // Few outputs: they are the rows, the taps of the kernel's stacked rows the columns.
    GemmArgs<T> turned_product(std::int64_t kernel_row, std::int64_t count) {
        for (GemmRun& run : runs_) std::swap(run.a, run.b);
        GemmArgs<T> args{};
        args.a = b_;
        args.a_row = 1;
        args.a_col = b_row_;
        args.b = x_;
        args.b_row = columns().stride * pixel_;
        args.c = turned(kernel_row / stacked_);
        args.c_row = args.n = count;
        args.m = s_.outputs;
        return args;
    }

    T* turned(std::int64_t stack) const {
        const std::int64_t size = columns().kernel * pixel_ * s_.outputs;
        return gradient_scratch<T>(turned_memory(), stacks_ * size) + stack * size;
    }

    void turn_back(Range some) const {
        const std::int64_t end = std::min(some.end * stacked_, rows().kernel);
        for (std::int64_t row = some.begin * stacked_; row < end; ++row) {
            for (std::int64_t tap = 0; tap < columns().kernel; ++tap)
                turn_back(turned(row / stacked_) + (tap * stacked_ + row % stacked_) * s_.channels,
                          result_ + (row * columns().kernel + tap) * s_.channels * s_.outputs);
        }
    }

    void turn_back(const T* from, T* to) const {
        const std::int64_t count = columns().kernel * pixel_;
        for (std::int64_t channel = 0; channel < s_.channels; ++channel) {
            for (std::int64_t o = 0; o < s_.outputs; ++o) to[channel * s_.outputs + o] = from[o * count + channel];
        }
    }

    static AlignedBuffer& turned_memory() {
        thread_local AlignedBuffer buffer;
        return buffer;
    }
    static AlignedBuffer& frame_memory() {
        thread_local AlignedBuffer buffer;
        return buffer;
    }
    static AlignedBuffer& panel_memory() {
        thread_local AlignedBuffer buffer;
        return buffer;
    }

    const Convolution& s_;
    const std::int64_t stacked_, stacks_;  // rows of the kernel in a unit, units of a panel
    T* const result_;
    const T *grad_y_, *x_;
    std::int64_t first_ = 0, end_ = 0, x_row_ = 0, pixel_ = 0;  // pixel: numbers from one to the next
    bool joined_ = false, framed_ = false, turned_ = false;
    Range lines_{0, 0};
    const T* b_ = nullptr;
    std::int64_t b_row_ = 0, group_ = 0, first_output_ = 0, count_ = 0;
    std::vector<GemmRun> runs_;
};

std::int64_t weight_count(const Convolution& sizes) { return sizes.taps() * sizes.group_channels() * sizes.outputs; }

}  // namespace

std::int64_t chunk_samples(const Convolution& sizes) {
    const std::int64_t pixels = std::max<std::int64_t>(sizes.window.rows.outputs * sizes.window.columns.outputs, 1);
    const std::int64_t numbers =
        sizes.channels * sizes.window.rows.size * sizes.window.columns.size + sizes.outputs * pixels;
    const std::int64_t least =
        std::max(blocks_of(weight_count(sizes), std::max<std::int64_t>(numbers, 1)), blocks_of(256, pixels));
    std::int64_t chunk = 1;
    while (chunk < least) chunk *= 2;
    return chunk;
}

std::int64_t KernelGradient::chunks() const {
    return std::max<std::int64_t>(blocks_of(sizes.samples, chunk_samples(sizes)), 1);
}

std::int64_t KernelGradient::workspace_bytes() const {
    return chunks() == 1 ? 0 : checked_product("conv2d", chunks() * item_size(x.dtype), weight_count(sizes));
}

Split KernelGradient::split() const {
    if (is_depthwise(sizes)) return {chunks(), 1};
    return dispatch_real(x.dtype,
                         [&](auto zero) { return Split{chunks() * ChunkGradient<decltype(zero)>::units(sizes), 1}; });
}

void KernelGradient::multiply_depthwise(Range some_chunks) const {
    const std::int64_t samples = chunk_samples(sizes), bytes = weight_count(sizes) * item_size(x.dtype);
    for (std::int64_t chunk = some_chunks.begin; chunk < some_chunks.end; ++chunk) {
        void* const sums = chunks() == 1 ? grad_weight.data : static_cast<char*>(workspace) + chunk * bytes;
        depthwise_gradient(*this, {chunk * samples, std::min(sizes.samples, (chunk + 1) * samples)}, sums);
    }
}

void KernelGradient::multiply(Range part) const {
    if (is_depthwise(sizes)) return multiply_depthwise(part);
    dispatch_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t units = ChunkGradient<T>::units(sizes);
        for (std::int64_t unit = part.begin; unit < part.end;) {
            const std::int64_t chunk = unit / units, end = std::min(part.end, (chunk + 1) * units);
            T* const sums = static_cast<T*>(workspace) + chunk * weight_count(sizes);
            ChunkGradient<T>(*this, chunk, chunks() == 1 ? grad_weight.as<T>() : sums)
                .multiply({unit - chunk * units, end - chunk * units});
            unit = end;
        }
    });
}

Split KernelGradient::add_split() const { return chunks() == 1 ? Split{} : elements(grad_weight); }

void KernelGradient::add(Range part) const {
    dispatch_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t size = weight_count(sizes), count = part.end - part.begin;
        const T* const sums = static_cast<const T*>(workspace) + part.begin;
        T* const total = grad_weight.as<T>() + part.begin;
        const T* before = sums;
        for (std::int64_t i = 1; i < chunks(); ++i, before = total)
            kernels<T>().add(count, before, 1, sums + i * size, 1, total);
    });
}

}  // namespace fastnn
