// Python's view of data/digits.h.
#include "data/digits.h"

#include <pybind11/numpy.h>

#include <algorithm>
#include <cstdint>

#include "bindings/bindings.h"
#include "bindings/functions.h"
#include "core/check.h"
#include "core/parallel.h"

namespace py = pybind11;

namespace fastnn {
namespace {

constexpr std::int64_t side = 28;

py::tuple draw(std::uint64_t seed, std::int64_t first, std::int64_t count) {
    constexpr std::int64_t positions = std::int64_t{1} << 32;  // of a random stream
    if (first < 0 || count < 0 || count > positions - std::min(first, positions)) {
        fail("draw_digits", "first and count must be at least 0 and first + count at most 2^32, got first ", first,
             " and count ", count);
    }
    py::array_t<std::uint8_t> images({count, side, side}), labels(count);
    std::uint8_t *const pixels = images.mutable_data(), *const digits = labels.mutable_data();
    {
        const py::gil_scoped_release release;
        constexpr double operations_per_digit = 600e3;  // about 40 us
        share(threads_for(operations_per_digit * static_cast<double>(count)), {count, 1}, [=](Range part) {
            draw_digits(seed, first + part.begin, part.end - part.begin, pixels + part.begin * side * side,
                        digits + part.begin);
        });
    }
    return py::make_tuple(images, labels);
}

}  // namespace

void bind_digits(py::module_& module) {
    def(module, "draw_digits", "seed, first, count", draw,
        "Draws the built-in digits [first, first + count).\n\n"
        "Sample i depends on (seed, i) alone. Returns images uint8 (count, 28, 28) and labels uint8 (count,).\n"
        "Raises ValueError for a range that is negative or ends after 2^32.");
}

}  // namespace fastnn
