// Counts the products and sums for which exact_fma is not the C library's, of numbers that make rounding hard:
// exponents that meet, many zeros or ones at the end, subnormals, infinities, sums that cancel or lie halfway.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>

#include "kernels/cpu/isa/scalar/exact_fma.h"

template <typename T, typename Bits, int mantissa>
long differing(long count) {
    constexpr Bits exponents = ~(Bits(1) << (sizeof(T) * 8 - 1)) >> mantissa << mantissa;
    constexpr Bits middle = (exponents >> mantissa) / 2, low = (Bits(1) << (mantissa - 4)) - 1;
    std::mt19937_64 random(1);
    const auto number = [&] {
        auto bits = static_cast<Bits>(random());
        const auto kind = random() % 8;
        const auto with = [&](Bits exponent) { return (bits & ~exponents) | (exponent << mantissa); };
        if (kind < 5) bits = with(middle + static_cast<Bits>(random() % 40) - 20);
        if (kind == 1) bits &= ~low;
        if (kind == 2) bits |= low;
        if (kind == 6) bits = with(static_cast<Bits>(random() % 60));
        T value;
        std::memcpy(&value, &bits, sizeof value);
        return value;
    };
    long found = 0;
    for (long i = 0; i < count; ++i) {
        const T a = number(), b = number();
        T c = number();
        if (random() % 3 == 0) c = -(a * b) * (random() % 2 != 0 ? T(1) : T(1) + T(1) / T(Bits(1) << (mantissa - 1)));
        const T ours = fastnn::scalar::exact_fma(a, b, c), theirs = std::fma(a, b, c);
        const bool both_nan = ours != ours && theirs != theirs;
        if (!both_nan && std::memcmp(&ours, &theirs, sizeof ours) != 0) ++found;
    }
    return found;
}

int main() {
    std::printf("%ld %ld\n", differing<float, std::uint32_t, 23>(1'000'000),
                differing<double, std::uint64_t, 52>(1'000'000));
}
