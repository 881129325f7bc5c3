#include "ops/window.h"

#include <algorithm>

namespace fastnn {

Range Axis::taps(std::int64_t output) const {
    const std::int64_t first = first_input(output);
    const std::int64_t begin = first < 0 ? blocks_of(-first, dilation) : 0;
    const std::int64_t end = first < size ? std::min(kernel, blocks_of(size - first, dilation)) : 0;
    return {begin, std::max(begin, end)};
}

Range Axis::outputs_of(std::int64_t tap) const {
    const std::int64_t offset = tap * dilation - before;
    const std::int64_t begin = offset < 0 ? blocks_of(-offset, stride) : 0;
    const std::int64_t end = offset < size ? std::min(outputs, blocks_of(size - offset, stride)) : 0;
    return {begin, std::max(begin, end)};
}

namespace {

// Pixels first, first + step, ... below end, cut where the taps change; meet(pixel, taps) adds the taps and where they
// lead.
template <typename F>
void cut_by_taps(std::int64_t first, std::int64_t end, std::int64_t step, std::int64_t advance, const F& meet,
                 std::vector<AxisPart>& parts) {
    const auto same_tap = [](const AxisTap& a, const AxisTap& b) { return a.tap == b.tap; };
    std::vector<AxisTap> taps;
    for (std::int64_t pixel = first; pixel < end; pixel += step) {
        taps.clear();
        meet(pixel, taps);
        const std::vector<AxisTap>* const before = pixel == first ? nullptr : &parts.back().taps;
        if (before && std::equal(before->begin(), before->end(), taps.begin(), taps.end(), same_tap)) {
            ++parts.back().count;
        } else {
            parts.push_back({pixel, 1, step, advance, taps});
        }
    }
}

}  // namespace

// Taps are counted where they change: to list them for each pixel took an eager call of one image as long as its
// product.
std::vector<AxisPart> parts_of_outputs(const Axis& axis) {
    std::vector<AxisPart> parts;
    Range before{0, 0};
    for (std::int64_t output = 0; output < axis.outputs; ++output) {
        Range inside = axis.taps(output);
        if (inside.begin == inside.end) inside = {0, 0};
        if (output > 0 && inside.begin == before.begin && inside.end == before.end) {
            ++parts.back().count;
            continue;
        }
        parts.push_back({output, 1, 1, axis.stride, {}});
        parts.back().taps.reserve(static_cast<std::size_t>(inside.end - inside.begin));
        for (std::int64_t tap = inside.begin; tap < inside.end; ++tap)
            parts.back().taps.push_back({tap, axis.first_input(output) + tap * axis.dilation});
        before = inside;
    }
    return parts;
}

std::vector<AxisPart> parts_of_inputs(const Axis& axis) {
    std::vector<AxisPart> parts;
    const auto meet = [&axis](std::int64_t input, std::vector<AxisTap>& taps) {
        for (std::int64_t tap = 0; tap < axis.kernel; ++tap) {
            const std::int64_t from_first = input + axis.before - tap * axis.dilation;
            if (from_first >= 0 && from_first % axis.stride == 0 && from_first / axis.stride < axis.outputs)
                taps.push_back({tap, from_first / axis.stride});
        }
    };
    for (std::int64_t first = 0; first < std::min(axis.stride, axis.size); ++first)
        cut_by_taps(first, axis.size, axis.stride, 1, meet, parts);
    return parts;
}

namespace {

// Pixels a side: more than any image has, and so few that no sum or product of sizes overflows.
constexpr std::int64_t most_pixels = 1 << 20;

void check_counts(const char* op, const char* name, const std::vector<std::int64_t>& values, std::size_t count,
                  std::int64_t least) {
    if (values.size() != count) fail(op, name, " needs ", count, " numbers, got ", values.size());
    for (const std::int64_t value : values) {
        if (value < least) fail(op, name, " is ", value, "; it must be at least ", least);
        if (value > most_pixels) fail(op, name, " is ", value, ", more than any image has pixels");
    }
}

std::int64_t outputs_of(const Axis& axis, bool ceil_mode) {
    const std::int64_t reach = axis.size + axis.before + axis.behind - axis.window();
    if (!ceil_mode) return reach / axis.stride + 1;
    const std::int64_t count = (reach + axis.stride - 1) / axis.stride + 1;
    return (count - 1) * axis.stride >= axis.size + axis.before ? count - 1 : count;
}

}  // namespace

Window window_of(const char* op, std::int64_t height, std::int64_t width, const WindowArguments& arguments) {
    check_counts(op, "kernel_size", arguments.kernel, 2, 1);
    check_counts(op, "stride", arguments.stride, 2, 1);
    check_counts(op, "padding", arguments.padding, 4, 0);
    check_counts(op, "dilation", arguments.dilation, 2, 1);
    if (height > most_pixels || width > most_pixels)
        fail(op, "images of ", height, " x ", width, " pixels; at most ", most_pixels, " a side are supported");
    Window window;
    for (std::size_t i = 0; i < 2; ++i) {
        Axis& axis = i == 0 ? window.rows : window.columns;
        axis.size = i == 0 ? height : width;
        axis.kernel = arguments.kernel[i];
        axis.stride = arguments.stride[i];
        axis.before = arguments.padding[i];
        axis.behind = arguments.padding[i + 2];
        axis.dilation = arguments.dilation[i];
    }
    const Axis &rows = window.rows, &columns = window.columns;
    const std::int64_t padded_rows = rows.size + rows.before + rows.behind,
                       padded_columns = columns.size + columns.before + columns.behind;
    if (rows.window() > padded_rows || columns.window() > padded_columns) {
        const bool dilated = rows.dilation > 1 || columns.dilation > 1;
        fail(Fault{"window.large",
                   {{"rows", rows.window()}, {"columns", columns.window()}, {"height", height}, {"width", width}}},
             op, "the kernel of ", rows.window(), " x ", columns.window(), " pixels", dilated ? " (dilated)" : "",
             " is larger than the image: ", height, " x ", width, ", with padding ", padded_rows, " x ", padded_columns,
             "; use a smaller kernel, more padding or larger images");
    }
    window.rows.outputs = outputs_of(rows, arguments.ceil_mode);
    window.columns.outputs = outputs_of(columns, arguments.ceil_mode);
    return window;
}

}  // namespace fastnn
