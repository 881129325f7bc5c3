// lanes below | A fused multiply-add for C libraries whose own rounds twice (mingw-w64's does).
#pragma once

#include <cstdint>

namespace fastnn::scalar {
namespace {

// a b + c, rounded once. Wide holds a product of two T exactly, and two bits more than T. There the sum is rounded to
// odd: of the two neighbours of a sum that is no Wide, the one whose last bit is 1. Rounding that to T is as if it were
// the first time: S. Boldo and G. Melquiond, Emulation of FMA and correctly rounded sums, 2008.
template <typename T, typename Wide, typename Bits>
T exact_fma(T a, T b, T c) {
    const Wide product = Wide(a) * Wide(b), addend = c, sum = product + addend;
    const Wide part = sum - product;
    const Wide missing = (product - (sum - part)) + (addend - part);  // D. Knuth's TwoSum: exact; NaN beside infinities
    Bits bits;
    __builtin_memcpy(&bits, &sum, sizeof bits);
    const bool exact = !(missing > 0) && !(missing < 0);
    if (!exact && (bits & 1) == 0) bits += (missing > 0) == (sum > 0) ? Bits(1) : Bits(-1);
    Wide odd;
    __builtin_memcpy(&odd, &bits, sizeof odd);
    return static_cast<T>(odd);
}

inline float exact_fma(float a, float b, float c) { return exact_fma<float, double, std::uint64_t>(a, b, c); }

__extension__ typedef __float128 Quad;
__extension__ typedef unsigned __int128 QuadBits;
inline double exact_fma(double a, double b, double c) { return exact_fma<double, Quad, QuadBits>(a, b, c); }

}  // namespace
}  // namespace fastnn::scalar
