// Philox4x32-10: the counter-based random numbers behind every random choice.
//
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11; multipliers,
// key increments and the ten rounds are theirs.
//
// A draw is a pure function of (seed, purpose, position, index): nothing depends on how many threads draw or in
// which order, so the same element gets the same number on every machine.
#pragma once

#include <array>
#include <cstdint>

namespace fastnn {

// One stream per purpose. The numbers are part of the file format of training states: append, never renumber.
enum class Purpose : std::uint32_t { init = 0, order = 1, dropout = 2, augmentation = 3, digits = 4, user = 5 };

using PhiloxBlock = std::array<std::uint32_t, 4>;

inline PhiloxBlock philox4x32(PhiloxBlock counter, std::uint32_t key0, std::uint32_t key1) {
    constexpr std::uint64_t multiplier0 = 0xD2511F53, multiplier1 = 0xCD9E8D57;
    constexpr std::uint32_t weyl0 = 0x9E3779B9, weyl1 = 0xBB67AE85;  // golden ratio, sqrt(3) - 1
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t product0 = multiplier0 * counter[0], product1 = multiplier1 * counter[2];
        counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key0, static_cast<std::uint32_t>(product1),
                   static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key1,
                   static_cast<std::uint32_t>(product0)};
        key0 += weyl0;
        key1 += weyl1;
    }
    return counter;
}

// The stream of one (seed, purpose, position): a random-access sequence of 32-bit words.
class PhiloxStream {
public:
    // position < 2^32: it counts parameters, epochs, calls or samples.
    PhiloxStream(std::uint64_t seed, Purpose purpose, std::uint32_t position)
        : key0_(static_cast<std::uint32_t>(seed)),
          key1_(static_cast<std::uint32_t>(seed >> 32)),
          purpose_(static_cast<std::uint32_t>(purpose)),
          position_(position) {}

    // Words 4 * index .. 4 * index + 3.
    PhiloxBlock block(std::uint64_t index) const {
        return philox4x32(
            {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), position_, purpose_}, key0_,
            key1_);
    }

    std::uint32_t word(std::uint64_t index) const { return block(index / 4)[index % 4]; }

private:
    std::uint32_t key0_, key1_, purpose_, position_;
};

// The top 24 bits as a float in [0, 1): each of the 2^24 values is exact, so no rounding can return 1.
inline float uniform_float(std::uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }

// 53 bits of two words as a double in [0, 1).
inline double uniform_double(std::uint32_t high, std::uint32_t low) {
    const std::uint64_t bits = (static_cast<std::uint64_t>(high) << 32) | low;
    return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace fastnn
