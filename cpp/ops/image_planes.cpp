#include "ops/image_planes.h"

#include <algorithm>
#include <limits>

#include "core/aligned_buffer.h"
#include "kernels/dispatch.h"

namespace fastnn {

namespace {

constexpr int most_channels = 8;  // half of the widest vector

// Where the source's frame begins and how long it is, so that all taps of all results are inside of it.
struct Frame {
    Frame(const std::vector<std::int64_t>& offsets, std::int64_t results)
        : first(*std::min_element(offsets.begin(), offsets.end())),
          size(results + *std::max_element(offsets.begin(), offsets.end()) - first) {}
    std::int64_t first, size;

    Range inside(std::int64_t source) const {
        return {std::max<std::int64_t>(first, 0), std::max<std::int64_t>(std::min(first + size, source), 0)};
    }
};

template <typename T>
class Planes {
public:
    Planes(const ImageProduct& product, std::int64_t group)
        : p_(product),
          group_(group),
          rows_(product.row_offsets, product.result.height),
          columns_(product.column_offsets, product.result.width) {
        plane_ = rows_.size * columns_.size;
        const std::size_t taps = p_.column_offsets.size();
        along_row_ = p_.k == 1 && taps > 1;
        for (const std::int64_t row : p_.row_offsets) {
            for (std::size_t j = 0; j < (along_row_ ? 1 : taps); ++j)
                runs_.push_back({static_cast<std::int64_t>(runs_.size() * (along_row_ ? taps : 1)) * p_.tap_stride,
                                 (row - rows_.first) * columns_.size + p_.column_offsets[j] - columns_.first});
        }
        memory_.grow(static_cast<std::size_t>(p_.k * plane_ + 2 * width_ + p_.n * width_) * sizeof(T));
    }

    void multiply(std::int64_t sample) {
        lay_out(static_cast<const T*>(p_.source.data) + sample * p_.source.sample() + group_ * p_.k);
        const std::int64_t places = (p_.result.height - 1) * columns_.size + p_.result.width;
        T* const result = static_cast<T*>(p_.result.data) + sample * p_.result.sample() + group_ * p_.n;
        for (std::int64_t first = 0; first < places; first += width_) {
            GemmArgs<T> args{};
            args.a = static_cast<const T*>(p_.weight) + group_ * p_.group_stride;
            args.a_row = p_.n_stride;
            args.a_col = along_row_ ? p_.tap_stride : p_.k_stride;
            args.b = planes() + first;
            args.b_row = along_row_ ? p_.column_offsets[1] - p_.column_offsets[0] : plane_;
            args.c = turned();
            args.c_row = args.n = width_;
            args.m = p_.n;
            args.k = along_row_ ? p_.kernel_columns : p_.k;
            args.runs = runs_.data();
            args.run_count = static_cast<std::int64_t>(runs_.size());
            kernels<T>().gemm(args);
            turn_back(first, std::min(first + width_, places), result);
        }
    }

private:
    T* planes() const { return static_cast<T*>(memory_.data()); }
    T* turned() const { return planes() + p_.k * plane_ + 2 * width_; }

    // The memory is zero at first, and what lies outside of the image stays so.
    void lay_out(const T* image) {
        const Range rows = rows_.inside(p_.source.height), columns = columns_.inside(p_.source.width);
        for (std::int64_t row = rows.begin; row < rows.end; ++row) {
            const T* const from = image + row * p_.source.row();
            T* const to = planes() + (row - rows_.first) * columns_.size - columns_.first;
            for (std::int64_t channel = 0; channel < p_.k; ++channel) {
                for (std::int64_t i = columns.begin; i < columns.end; ++i)
                    to[channel * plane_ + i] = from[i * p_.source.pixel + channel];
            }
        }
    }

    // Places [first, end) of lines as long as the frame's, of which the last ones are no pixels of the result.
    void turn_back(std::int64_t first, std::int64_t end, T* result) const {
        for (std::int64_t place = first; place < end;) {
            const std::int64_t row = place / columns_.size, column = place % columns_.size;
            const std::int64_t line_end = std::min(end, (row + 1) * columns_.size);
            const std::int64_t count = std::min(line_end - place, p_.result.width - column);
            if (count > 0)
                write(turned() + place - first, count, result + row * p_.result.row() + column * p_.result.pixel);
            place = line_end;
        }
    }

    void write(const T* values, std::int64_t count, T* result) const {
        write_channels<most_channels>(values, count, result);
    }

    // By a loop of known length over the channels: another would take as long as the product.
    template <int N>
    void write_channels(const T* values, std::int64_t count, T* result) const {
        if constexpr (N > 1) {
            if (p_.n < N) return write_channels<N - 1>(values, count, result);
        }
        T bias[N] = {};
        if (p_.bias) std::copy_n(static_cast<const T*>(p_.bias) + group_ * p_.n, N, bias);
        // Of ReLU no branch: signs are not foreseen, which would take three times as long as the product. A NaN stays.
        const T least = p_.relu ? T(0) : -std::numeric_limits<T>::infinity();
        for (std::int64_t i = 0; i < count; ++i, ++values, result += p_.result.pixel) {
            for (int j = 0; j < N; ++j) {
                const T y = values[j * width_] + bias[j];
                result[j] = least > y ? least : y;
            }
        }
    }

    const ImageProduct& p_;
    const std::int64_t group_, width_ = kernels<T>().panel;
    const Frame rows_, columns_;
    std::int64_t plane_ = 0;
    bool along_row_ = false;  // of a single channel: a run goes over the taps of a row of the kernel
    std::vector<GemmRun> runs_;
    AlignedBuffer memory_;
};

}  // namespace

template <typename T>
bool planes_pay(const ImageProduct& p) {
    return !p.row_offsets.empty() && p.n <= most_channels && 4 * p.n <= kernels<T>().panel &&
           kernels<T>().panel >= 32 && p.k > 0 && p.result.height > 0 && p.result.width > 0;
}

template <typename T>
void multiply_planes(const ImageProduct& product, std::int64_t group, Range samples) {
    Planes<T> planes(product, group);
    for (std::int64_t sample = samples.begin; sample < samples.end; ++sample) planes.multiply(sample);
}

template bool planes_pay<float>(const ImageProduct&);
template bool planes_pay<double>(const ImageProduct&);
template void multiply_planes<float>(const ImageProduct&, std::int64_t, Range);
template void multiply_planes<double>(const ImageProduct&, std::int64_t, Range);

}  // namespace fastnn
