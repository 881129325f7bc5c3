// Written forms of the ten digits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "data/strokes.h"

namespace fastnn {

// A point that the pen passes, in hundredths of the digit's height from its top left corner, y down.
struct Knot {
    std::int8_t x, y;
    Pass pass = Pass::smooth;
};

// One way to write a digit; `share` of 100 writers write it so.
struct Form {
    const Knot* knots;
    std::size_t count;
    int share;
};

// The form that writer 0..99 uses for digit 0..9.
const Form& written_form(int digit, int writer);

}  // namespace fastnn
