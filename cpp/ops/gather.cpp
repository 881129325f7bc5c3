#include "ops/gather.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/check.h"
#include "kernels/dispatch.h"

namespace fastnn {

// Half an operation a copied element, two for one that is scaled and normalised.
const Facts gather_rows_facts = Facts("gather_rows").costs(0.5).cut(samples);
const Facts gather_uint8_facts = Facts("gather_uint8").costs(2).cut(samples);

// An element is a byte or more: 64 of them fill a cache line at least.
const Facts take_facts =
    Facts("take").array("x").array("index").cut([](const TensorView& y) { return Split{y.size(), cache_line}; });
const Facts take_backward_facts =
    Facts("take_backward").array("grad_y").array("index").attribute("shape", Argument::Kind::integers).cut(whole);

namespace {

// Whether elements of the same place in a row lie at the same places of two memories.
bool rows_alike(const TensorView& x, const TensorView& y) {
    bool alike = true;
    for (int i = 1; i < x.rank; ++i) alike = alike && (x.shape[i] == 1 || x.stride[i] == y.stride[i]);
    return alike || x.empty() || y.empty();
}

void rows_check(const char* op, const TensorView& x, const TensorView& index, const TensorView& y) {
    check_dtype(op, "index", index, DType::int64);
    check_rank(op, "index", index, 1);
    if (x.rank == 0 || y.rank != x.rank)
        fail(op, "x ", shape_text(x), " and the result ", shape_text(y), " must have the same rank");
    bool fits = y.shape[0] == index.shape[0];
    for (int i = 1; i < x.rank; ++i) fits = fits && x.shape[i] == y.shape[i];
    if (!fits)
        fail(op, "rows of ", shape_text(x), " at ", index.shape[0], " indices do not give shape ", shape_text(y));
    check_contiguous(op, "index", index);
    if (!x.dense_rows() || !y.dense_rows() || !rows_alike(x, y)) {
        fail(op, "rows of x and of the result must lie one behind the other, without gaps and in the same order, got ",
             layout_text(x), " and ", layout_text(y));
    }
    check_index(op, index, {0, index.size()}, x.shape[0]);
}

std::int64_t row_items(const TensorView& x) {
    std::int64_t items = 1;
    for (int i = 1; i < x.rank; ++i) items *= x.shape[i];
    return items;
}

}  // namespace

void check_index(const char* op, const TensorView& index, Range part, std::int64_t rows) {
    const std::int64_t* const values = index.as<std::int64_t>();
    const auto outside = [=](std::int64_t i) { return values[i] < 0 || values[i] >= rows; };
    bool any = false;
    for (std::int64_t i = part.begin; i < part.end; ++i) any |= outside(i);
    for (std::int64_t i = part.begin; any && i < part.end; ++i) {
        if (outside(i)) fail(op, "index ", values[i], " at place ", i, " is outside 0..", rows - 1);
    }
}

void gather_rows_check(const TensorView& x, const TensorView& index, const TensorView& y) {
    check_dtype("gather_rows", "the result", y, x.dtype);
    rows_check("gather_rows", x, index, y);
}

namespace {

// Rows of a length that the compiler knows: one load and one store each, wherever a row of bytes begins.
template <std::size_t bytes>
void copy_rows(Range part, const TensorView& x, const TensorView& index, const TensorView& y) {
    for (std::int64_t i = part.begin; i < part.end; ++i) {
        const auto row = static_cast<std::size_t>(index.as<std::int64_t>()[i]);
        std::memcpy(y.as<char>() + static_cast<std::size_t>(i) * bytes, x.as<char>() + row * bytes, bytes);
    }
}

}  // namespace

void gather_rows(Range part, const TensorView& x, const TensorView& index, const TensorView& y) {
    const auto bytes = static_cast<std::size_t>(row_items(x) * item_size(x.dtype));
    if (bytes == 0) return;  // empty rows may have no address to copy from
    if (bytes == 4) return copy_rows<4>(part, x, index, y);
    if (bytes == 8) return copy_rows<8>(part, x, index, y);
    for (std::int64_t i = part.begin; i < part.end; ++i) {
        const auto row = static_cast<std::size_t>(index.as<std::int64_t>()[i]);
        std::memcpy(y.as<char>() + static_cast<std::size_t>(i) * bytes, x.as<char>() + row * bytes, bytes);
    }
}

void gather_uint8_check(const TensorView& x, const TensorView& index, const TensorView* mean, const TensorView* std,
                        const TensorView& y) {
    constexpr const char* op = "gather_uint8";
    check_dtype(op, "x", x, DType::uint8);
    check_real(op, "the result", y);
    rows_check(op, x, index, y);
    if ((mean == nullptr) != (std == nullptr))
        fail(op, "mean and std go together, got ", mean == nullptr ? "std" : "mean", " alone");
    if (mean == nullptr) return;
    if (!x.contiguous() && x.stride[1] != 1)
        fail(op, "channels must be outermost or innermost in a row of x, got ", layout_text(x));
    for (const TensorView* values : {mean, std}) {
        check_dtype(op, "mean and std", *values, DType::float64);
        check_contiguous(op, "mean and std", *values);
        if (x.rank < 2 || values->rank != 1 || values->shape[0] != x.shape[1]) {
            fail(op, "mean and std need one value a channel: images have shape ", shape_text(x), ", got ",
                 shape_text(*values));
        }
    }
    for (std::int64_t c = 0; c < std->shape[0]; ++c) {
        if (std->as<double>()[c] == 0) fail(op, "std of channel ", c, " is 0: division by zero");
    }
}

namespace {

// Pixels with their channels one behind the other: all values at once, then shifted and scaled by a period of them.
template <typename T>
void from_pixels(std::int64_t items, const std::uint8_t* x, const std::vector<T>& mean, const std::vector<T>& std,
                 T* y) {
    kernels<T>().from_uint8(items, x, false, T(0), T(1), y);
    const auto period = static_cast<std::int64_t>(mean.size());
    for (std::int64_t i = 0; i < items; i += period) {
        const std::int64_t n = std::min(period, items - i);
        kernels<T>().subtract(n, y + i, 1, mean.data(), 1, y + i);
        kernels<T>().divide(n, y + i, 1, std.data(), 1, y + i);
    }
}

// A value a channel, again and again: enough pixels for long loops, few enough for the first cache.
template <typename T>
std::vector<T> repeated(const TensorView& values) {
    constexpr std::int64_t pixels = 256;
    std::vector<T> all;
    for (std::int64_t i = 0; i < pixels * values.size(); ++i)
        all.push_back(static_cast<T>(values.as<double>()[i % values.size()]));
    return all;
}

}  // namespace

void gather_uint8(Range part, const TensorView& x, const TensorView& index, const TensorView* mean,
                  const TensorView* std, const TensorView& y) {
    dispatch_real(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t items = row_items(x), channels = mean ? x.shape[1] : 1;
        if (mean != nullptr && !x.contiguous()) {
            const std::vector<T> shifts = repeated<T>(*mean), scales = repeated<T>(*std);
            for (std::int64_t i = part.begin; i < part.end; ++i) {
                from_pixels(items, x.as<std::uint8_t>() + index.as<std::int64_t>()[i] * items, shifts, scales,
                            y.as<T>() + i * items);
            }
            return;
        }
        const std::int64_t pixels = channels == 0 ? 0 : items / channels;
        for (std::int64_t i = part.begin; i < part.end; ++i) {
            const std::uint8_t* const row = x.as<std::uint8_t>() + index.as<std::int64_t>()[i] * items;
            for (std::int64_t c = 0; c < channels; ++c) {
                const T shift = mean ? static_cast<T>(mean->as<double>()[c]) : T(0);
                const T scale = mean ? static_cast<T>(std->as<double>()[c]) : T(1);
                kernels<T>().from_uint8(pixels, row + c * pixels, mean != nullptr, shift, scale,
                                        y.as<T>() + i * items + c * pixels);
            }
        }
    });
}

void take_check(const TensorView& x, const TensorView& index, const TensorView& y) {
    check_dtype("take", "index", index, DType::int64);
    check_dtype("take", "the result", y, x.dtype);
    if (index.size() != y.size()) fail("take", "index has ", index.size(), " elements, the result ", y.size());
    check_contiguous("take", "x", x);
    check_contiguous("take", "index", index);
    check_contiguous("take", "the result", y);
    check_index("take", index, {0, index.size()}, x.size());
}

void take(Range part, const TensorView& x, const TensorView& index, const TensorView& y) {
    switch (item_size(x.dtype)) {
        case 4:
            return copy_rows<4>(part, x, index, y);
        case 8:
            return copy_rows<8>(part, x, index, y);
        default:
            return copy_rows<1>(part, x, index, y);
    }
}

void take_backward(const TensorView& grad_y, const TensorView& index, const TensorView& grad_x) {
    dispatch_real(grad_y.dtype, [&](auto zero) {
        using T = decltype(zero);
        std::fill_n(grad_x.as<T>(), grad_x.size(), T(0));
        for (std::int64_t i = 0; i < grad_y.size(); ++i)
            grad_x.as<T>()[index.as<std::int64_t>()[i]] += grad_y.as<T>()[i];
    });
}

}  // namespace fastnn
