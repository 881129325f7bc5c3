// Work that can be cut.
#pragma once

#include <cstdint>

namespace fastnn {

struct Range {
    std::int64_t begin, end;
};

// How many blocks of so many cover n.
constexpr std::int64_t blocks_of(std::int64_t n, std::int64_t block) { return (n + block - 1) / block; }

// Work that can be cut: so many units, anywhere at a multiple of grain.
struct Split {
    std::int64_t units = 0, grain = 1;

    // Part number `index` of `count` even ones; empty where there are fewer grains.
    Range part(std::int64_t index, std::int64_t count) const {
        const std::int64_t blocks = blocks_of(units, grain);
        const std::int64_t begin = blocks * index / count * grain, end = blocks * (index + 1) / count * grain;
        return {begin < units ? begin : units, end < units ? end : units};
    }
    Range all() const { return {0, units}; }
    bool operator==(const Split& other) const { return units == other.units && grain == other.grain; }
};

}  // namespace fastnn
