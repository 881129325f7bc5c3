// threads above | The gradient of a convolution's weight: order and formula in ops/convolution.h. Kernel text:
// kernels/cpu/gemm.inl.
//
// A product whose rows are taps and channels, its columns outputs, its k the pixels of a chunk of samples. grad_y goes
// through in blocks of pixels of a panel, which stay in L1 while all rows of tiles go over them. With many channels
// each tap has tiles of its own and reads the image where it lies. With few, the taps of a row of the kernel are done
// together: the image is copied into a frame of zeros for that, which is left out where a gradient is not finite. With
// few outputs the product is turned: they are its rows. Kernels of one channel would leave most of a vector empty then;
// their rows are stacked: each pixel of the copy has those below it beside it, so that a column of the kernel is a run.
#pragma once

#include <cstdint>

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "ops/convolution.h"

namespace fastnn {

// In two stages: the chunks' sums into the workspace (one chunk: into the result), then their sum.
struct KernelGradient {
    Convolution sizes;
    TensorView grad_y, x, grad_weight;
    void* workspace = nullptr;

    std::int64_t chunks() const;
    std::int64_t workspace_bytes() const;
    Split split() const;
    void multiply(Range part) const;
    Split add_split() const;
    void add(Range part) const;

private:
    void multiply_depthwise(Range some_chunks) const;
};

}  // namespace fastnn
