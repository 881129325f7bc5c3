// Augmentation of images for training: uint8 to uint8, in whole numbers alone, so that every machine makes the same
// pixels. What happens to an image is a function of (seed, epoch, row): not of threads, batches or their order.
//
//   light    flipped or not, moved by up to an eighth of each side. What comes in from outside is the image reflected
//            about its outermost pixels (torchvision's RandomCrop(padding, padding_mode="reflect")): it goes on without
//            a seam, where repeated edges make streaks and zeros a frame that tells how far it was moved.
//   strong   flipped or not; a window of half of the area or more, of sides that are to each other up to 4/3 of the
//            image's, turned by up to 15 degrees, enlarged to the image's size (bilinear); brightness, contrast and, in
//            colour, saturation by up to 30 percent; one in four with a rectangle of the image's mean colour.
//
// Both flip, as photographs may: not for digits or letters. reference/augment.py says the same in NumPy.
#pragma once

#include <cstdint>
#include <string>

#include "core/tensor_view.h"

namespace fastnn {

struct Augment {
    enum class Kind { none, light, strong };

    Kind kind = Kind::none;
    std::uint64_t seed = 0;
    std::uint32_t epoch = 0;

    explicit operator bool() const { return kind != Kind::none; }
};

// name: light or strong.
Augment augment_named(const std::string& name, std::uint64_t seed, std::uint32_t epoch);

// Refuses what is not uint8 (N, C, H, W) in C order or with the channels innermost, C <= 4, H and W < 2^15.
void augment_check(const char* op, const TensorView& x);

// Row `row` of images that were checked, into memory y of its size that lies alike, apart from x.
void augment(const Augment& how, const TensorView& x, std::int64_t row, std::uint8_t* y);

}  // namespace fastnn
