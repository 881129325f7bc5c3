// threads above | Products of images whose result has few channels: what ops/image_product.h computes, turned around.
// Kernel text: kernels/cpu/planes.inl.
//
// Eight channels would use half of a vector of sixteen numbers. So the tiles' columns are pixels and their rows
// channels: the source is copied channel by channel into planes, where the pixels that a tap meets lie side by side.
// The columns of a tile are a row of results of some samples, which lie in the planes side by side with zeros between
// them (what is computed there is thrown away); rows of taps that are outside of the images are left out. The chains
// are the same; results are turned back on the way out. For windows that move by one pixel.
#pragma once

#include "ops/image_product.h"

namespace fastnn {

// Whether it pays: a result of at most half a vector.
template <typename T>
bool planes_pay(const ImageProduct& product);

// Some samples of one group, where all weights are finite: taps in the frame meet zeros.
template <typename T>
void multiply_planes(const ImageProduct& product, std::int64_t group, Range samples);

}  // namespace fastnn
