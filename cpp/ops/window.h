// threads above | Windows that go over images: which pixels they meet, along one axis. Convolution and pooling share
// it.
//
// Output o meets input o stride - before + tap dilation, 0 <= tap < kernel, where that is inside of the image.
#pragma once

#include <cstdint>
#include <vector>

#include "core/check.h"
#include "core/split.h"

namespace fastnn {

struct Axis {
    std::int64_t size = 1, kernel = 1, stride = 1, before = 0, behind = 0, dilation = 1;
    std::int64_t outputs = 1;

    std::int64_t first_input(std::int64_t output) const { return output * stride - before; }
    Range taps(std::int64_t output) const;                               // those that are inside of the image
    Range outputs_of(std::int64_t tap) const;                            // for which a tap is inside of the image
    std::int64_t window() const { return dilation * (kernel - 1) + 1; }  // pixels from its first tap to its last
};

// A tap, and the pixel of the other side that the first pixel of some meets by it.
struct AxisTap {
    std::int64_t tap, at;
};

// Pixels of one side that meet others by the same taps (ascending): first, first + step, ...; from one to the next what
// they meet goes on by `advance`.
struct AxisPart {
    std::int64_t first, count, step, advance;
    std::vector<AxisTap> taps;
};

// All outputs of an axis, and what they meet; all inputs, and the outputs that they are part of.
std::vector<AxisPart> parts_of_outputs(const Axis& axis);
std::vector<AxisPart> parts_of_inputs(const Axis& axis);

// The axes of the rows and of the columns of images (N, C, H, W). kernel, stride, dilation: rows, columns; padding:
// top, left, bottom, right. Errors: a wrong count, what is not positive (padding: negative) or so large that sizes
// overflow, a window larger than the padded image. ceil_mode: outputs whose window hangs over count, where it begins
// inside.
struct Window {
    Axis rows, columns;
};
struct WindowArguments {
    std::vector<std::int64_t> kernel, stride, padding, dilation;
    bool ceil_mode = false;
};

// Whether zeros are laid around pixels so that every tap of some results meets one: where that takes no more than 16
// times the memory of both. Paddings up to a kernel's size take at most nine times an image no smaller than the kernel;
// those of a kernel dilated far beyond its image would take any amount, for taps that meet nothing.
inline bool frame_pays(std::int64_t framed, std::int64_t pixels, std::int64_t results) {
    return framed <= 16 * (pixels + results);
}

Window window_of(const char* op, std::int64_t height, std::int64_t width, const WindowArguments& arguments);

}  // namespace fastnn
