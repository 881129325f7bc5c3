// threads above | Products of images with the taps of windows: the forward of a convolution and the gradient of its
// input. Kernel text: kernels/cpu/gemm.inl, kernels/cpu/convolution.inl.
//
// A pixel of the result is a chain of fused multiply-adds over the taps by which it meets pixels of the source (kh,
// then kw, ascending), for each over the source's channels, ascending; then + 0.0, bias, ReLU. Memory is NHWC, a
// register tile's rows are pixels of the result, its columns channels. What the rows are made of:
// * Tiles read the source where it lies: pixels of a row that meet the same taps are a fixed distance apart. For few
//   channels: copying would take as long as multiplying. Images with padding are copied into a frame of zeros, so that
//   whole rows are alike; not so where a weight is not finite, as taps in the padding are left out by definition.
// * Many channels: the pixels that a few rows of tiles need are gathered tap by tap ("patches", in the caches: never of
//   the whole batch), those of different rows and samples side by side, so that tiles are full in small images, too.
#pragma once

#include <cstdint>
#include <vector>

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "ops/window.h"

namespace fastnn {

struct ImageSide {
    void* data = nullptr;
    std::int64_t height = 0, width = 0, pixel = 0;  // pixel: numbers from one to the next

    std::int64_t row() const { return width * pixel; }
    std::int64_t sample() const { return height * row(); }
};

struct ImageProduct {
    DType dtype = DType::float32;
    std::int64_t samples = 0, groups = 1;
    ImageSide source, result;
    std::int64_t k = 0, n = 0;  // channels of a group: of the source, of the result
    std::vector<AxisPart> rows, columns;

    // Element (tap, k, n) of a group's weight, from its first.
    const void* weight = nullptr;
    std::int64_t taps = 0, kernel_columns = 0, tap_stride = 0, k_stride = 0, n_stride = 0, group_stride = 0;

    // Where all of a row of results may be alike: the source in a frame of zeros, and the parts for that.
    std::int64_t top = 0, left = 0, framed_height = 0, framed_width = 0;
    std::vector<AxisPart> framed_rows, framed_columns;

    // Windows that move by one pixel: what the first pixel meets by each tap of a row or column of the kernel.
    std::vector<std::int64_t> row_offsets, column_offsets;

    const void* bias = nullptr;
    bool relu = false;

    // Where the weight's panels are copied together in each call: they may be made beforehand instead (fill_panels),
    // and be given here.
    const void* panels = nullptr;
    bool copies_panels() const;
    std::int64_t panels_bytes() const;
    Split panels_split() const;
    void fill_panels(Range part, void* memory) const;

    bool by_panels() const;  // of channels, where the weight is larger than the images; else by samples
    Split split() const;
    void multiply(Range part) const;
    void multiply_samples(Range some) const;  // of all channels

private:
    // f(zero of its type, group, its panels) for the panels of all groups.
    template <typename F>
    void for_each_group(Range all, const F& f) const;
    void multiply_part(Range some, Range all) const;
};

}  // namespace fastnn
