// threads above | Convolutions whose groups have one channel each way ("depthwise"): ops/convolution.h in vectors of
// channels. Kernel text: kernels/cpu/convolution.inl.
//
// As products they would use one lane of a tile. Here a vector holds as many channels, each a chain of its own in the
// order of all convolutions.
#pragma once

#include "ops/image_product.h"
#include "ops/kernel_gradient.h"

namespace fastnn {

inline bool is_depthwise(const ImageProduct& product) { return product.groups > 1 && product.k == 1 && product.n == 1; }
inline bool is_depthwise(const Convolution& sizes) {
    return sizes.groups > 1 && sizes.groups == sizes.channels && sizes.groups == sizes.outputs;
}

// The forward, or the gradient of the input: a part of the samples.
void multiply_depthwise(const ImageProduct& product, Range samples);

// The gradient of the weight: the sums of one chunk of samples, [kh][kw][C].
void depthwise_gradient(const KernelGradient& gradient, Range samples, void* sums);

}  // namespace fastnn
