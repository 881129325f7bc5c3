// Random numbers of one sample, in order.
#pragma once

#include <cstdint>

#include "core/philox.h"

namespace fastnn {

class Draws {
public:
    // From a block of the stream on.
    explicit Draws(PhiloxStream stream, std::uint64_t first_block = 0) : stream_(stream), used_(4 * first_block) {}

    // In [0, 1).
    float unit() { return uniform_float(word()); }

    // In 0..limit-1.
    int below(std::uint32_t limit) { return static_cast<int>((std::uint64_t{word()} * limit) >> 32); }

    // In least..most.
    int between(int least, int most) { return least + below(static_cast<std::uint32_t>(most - least) + 1); }

    float uniform(float low, float high) { return low + (high - low) * unit(); }

    // Mean 0, standard deviation 1, never beyond 3.5: the sum of four uniforms stands in for a normal draw.
    float bell() {
        constexpr float sqrt3 = 1.7320508f;
        const float a = unit() + unit(), b = unit() + unit();
        return sqrt3 * (a + b - 2);
    }

private:
    std::uint32_t word() {
        if (used_ % 4 == 0) block_ = stream_.block(used_ / 4);
        return block_[used_++ % 4];
    }

    PhiloxStream stream_;
    PhiloxBlock block_{};
    std::uint64_t used_;
};

}  // namespace fastnn
