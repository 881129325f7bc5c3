// lanes below | The vector type of the baseline: one lane. __builtin_fma and __builtin_sqrt, because std::fma is a weak
// symbol at -O0; they become one libm call where the CPU's baseline has no such instruction: slow, same bits.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__MINGW32__)
#include "kernels/cpu/isa/scalar/exact_fma.h"
#endif

namespace fastnn::scalar {
namespace {

#if !defined(__MINGW32__)
inline float exact_fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double exact_fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
#endif

template <typename T>
struct Float;
template <>
struct Float<float> {
    using Bits = std::uint32_t;
    static float fma(float a, float b, float c) { return exact_fma(a, b, c); }
    static float sqrt(float a) { return __builtin_sqrtf(a); }
};
template <>
struct Float<double> {
    using Bits = std::uint64_t;
    static double fma(double a, double b, double c) { return exact_fma(a, b, c); }
    static double sqrt(double a) { return __builtin_sqrt(a); }
};

template <typename T>
struct Vec {
    using Bits = typename Float<T>::Bits;
    using Mask = bool;
    static constexpr std::int64_t lanes = 1;
    T v;

    static Vec zero() { return {T(0)}; }
    static Vec broadcast(T x) { return {x}; }
    static Vec from_bits(Bits b) {
        T x;
        __builtin_memcpy(&x, &b, sizeof x);
        return {x};
    }
    Bits bits() const {
        Bits b;
        __builtin_memcpy(&b, &v, sizeof b);
        return b;
    }
    static Vec load(const T* p) { return {*p}; }
    static Vec load_partial(const T* p, std::int64_t n, T rest = 0) { return {n > 0 ? *p : rest}; }
    template <typename U>
    static Vec load_wide(const U* p, std::int64_t n) {
        return {n > 0 ? T(*p) : T(0)};
    }
    void store(T* p) const { *p = v; }
    void store_partial(T* p, std::int64_t n) const {
        if (n > 0) *p = v;
    }
    static void prefetch(const T* p) { __builtin_prefetch(p); }

    friend Vec operator+(Vec a, Vec b) { return {a.v + b.v}; }
    friend Vec operator-(Vec a, Vec b) { return {a.v - b.v}; }
    friend Vec operator*(Vec a, Vec b) { return {a.v * b.v}; }
    friend Vec operator/(Vec a, Vec b) { return {a.v / b.v}; }
    friend Vec operator&(Vec a, Vec b) { return from_bits(a.bits() & b.bits()); }
    friend Vec operator|(Vec a, Vec b) { return from_bits(a.bits() | b.bits()); }
    template <int k>
    Vec shift_left() const {
        return from_bits(bits() << k);
    }
    template <int k>
    Vec shift_right() const {
        return from_bits(bits() >> k);
    }

    friend Vec fma(Vec a, Vec b, Vec c) { return {Float<T>::fma(a.v, b.v, c.v)}; }    // a * b + c
    friend Vec fnma(Vec a, Vec b, Vec c) { return {Float<T>::fma(-a.v, b.v, c.v)}; }  // c - a * b
    friend Vec sqrt(Vec a) { return {Float<T>::sqrt(a.v)}; }
    friend Vec max(Vec a, Vec b) { return {a.v > b.v ? a.v : b.v}; }  // b where either is NaN
    friend Mask greater(Vec a, Vec b) { return a.v > b.v; }           // false where either is NaN
    friend Mask differ(Vec a, Vec b) { return a.v != b.v; }
    friend Mask is_nan(Vec a) { return a.v != a.v; }
    friend Vec select(Mask m, Vec a, Vec b) { return m ? a : b; }
    friend Vec zero_where(Mask m, Vec x) { return m ? zero() : x; }  // select(m, zero(), x) in one instruction
};

// Without fma in hardware each is a call, which hides its own latency: more columns would be no faster.
template <typename T>
struct Tile {
    static constexpr int rows = 4, vectors = 2, tall = 4, group = 4;
};

}  // namespace
}  // namespace fastnn::scalar
