// The built-in digits: 28x28 grey images of handwritten figures, drawn by the package itself.
//
// Each digit is a few pen strokes (data/glyphs.h) whose knots, width, slant, size, place and shape vary smoothly, put
// on the page as MNIST's digits are: fitted into a box of 20x20 pixels, their centre of mass at the page's centre. Only
// + - * / and sqrt and our own random numbers: every machine draws the same pixels.
#pragma once

#include <cstdint>

namespace fastnn {

// Draws samples [first, first + count), 0 <= first, first + count <= 2^32: sample i is a function of (seed, i) alone.
// images: count x 28 x 28, white on black; labels: count digits 0..9, each once in every ten samples from a multiple of
// ten on, in random order. Single-threaded; the caller splits the range over threads.
void draw_digits(std::uint64_t seed, std::int64_t first, std::int64_t count, std::uint8_t* images,
                 std::uint8_t* labels);

}  // namespace fastnn
