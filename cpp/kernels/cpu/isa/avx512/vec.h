// lanes below | AVX-512: 16 floats in a zmm register.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace fastnn::avx512 {
namespace {

template <typename T>
struct Vec;

template <>
struct Vec<float> {
    using Bits = std::uint32_t;
    using Mask = __mmask16;
    static constexpr std::int64_t lanes = 16;
    __m512 v;

    static Mask first(std::int64_t n) { return Mask((1u << (n < 16 ? n : 16)) - 1u); }
    static Vec zero() { return {_mm512_setzero_ps()}; }
    static Vec broadcast(float x) { return {_mm512_set1_ps(x)}; }
    static Vec from_bits(Bits b) { return {_mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(b)))}; }
    static Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
    static Vec load_partial(const float* p, std::int64_t n) { return {_mm512_maskz_loadu_ps(first(n), p)}; }
    static Vec load_partial(const float* p, std::int64_t n, float rest) {
        return select(first(n), load_partial(p, n), broadcast(rest));
    }
    void store(float* p) const { _mm512_storeu_ps(p, v); }
    void store_partial(float* p, std::int64_t n) const { _mm512_mask_storeu_ps(p, first(n), v); }
    static void prefetch(const float* p) { _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T0); }

    template <int w>  // lane i gets lane i + w, for i < w
    Vec from_lane() const {
        if constexpr (w >= 4) return {_mm512_shuffle_f32x4(v, v, w == 8 ? 0x0E : 0x01)};
        return {_mm512_permute_ps(v, w == 2 ? 0x0E : 0x01)};
    }

    static Vec pick(const std::int32_t* lane, Vec a, Vec b) {  // out of those of a, then those of b
        return {_mm512_permutex2var_ps(a.v, _mm512_loadu_si512(lane), b.v)};
    }

    __m512i bits() const { return _mm512_castps_si512(v); }
    friend Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
    friend Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
    friend Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
    friend Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
    friend Vec operator&(Vec a, Vec b) { return {_mm512_castsi512_ps(_mm512_and_si512(a.bits(), b.bits()))}; }
    friend Vec operator|(Vec a, Vec b) { return {_mm512_castsi512_ps(_mm512_or_si512(a.bits(), b.bits()))}; }
    template <int k>
    Vec shift_left() const {
        return {_mm512_castsi512_ps(_mm512_slli_epi32(bits(), k))};
    }
    template <int k>
    Vec shift_right() const {
        return {_mm512_castsi512_ps(_mm512_srli_epi32(bits(), k))};
    }

    friend Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
    friend Vec fnma(Vec a, Vec b, Vec c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
    friend Vec sqrt(Vec a) { return {_mm512_sqrt_ps(a.v)}; }
    friend Vec max(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }  // b where either is NaN
    friend Mask greater(Vec a, Vec b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ); }
    friend Mask differ(Vec a, Vec b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_NEQ_UQ); }
    friend Mask is_nan(Vec a) { return _mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q); }
    friend Vec select(Mask m, Vec a, Vec b) { return {_mm512_mask_blend_ps(m, b.v, a.v)}; }
    friend Vec zero_where(Mask m, Vec x) { return select(m, zero(), x); }
};

// What sums of channels need: all other kernels of doubles are AVX2's (kernels/dispatch.cpp).
template <>
struct Vec<double> {
    using Mask = __mmask8;
    static constexpr std::int64_t lanes = 8;
    __m512d v;

    static Mask first(std::int64_t n) { return Mask((1u << (n < 8 ? n : 8)) - 1u); }
    static Vec load(const double* p) { return {_mm512_loadu_pd(p)}; }
    static Vec load_partial(const double* p, std::int64_t n) { return {_mm512_maskz_loadu_pd(first(n), p)}; }
    static Vec load_wide(const float* p, std::int64_t n) {  // floats, exactly
        return {_mm512_cvtps_pd(_mm512_castps512_ps256(_mm512_maskz_loadu_ps(first(n), p)))};
    }
    void store(double* p) const { _mm512_storeu_pd(p, v); }
    void store_partial(double* p, std::int64_t n) const { _mm512_mask_storeu_pd(p, first(n), v); }

    friend Vec operator+(Vec a, Vec b) { return {_mm512_add_pd(a.v, b.v)}; }
    friend Vec operator-(Vec a, Vec b) { return {_mm512_sub_pd(a.v, b.v)}; }
    friend Vec operator*(Vec a, Vec b) { return {_mm512_mul_pd(a.v, b.v)}; }
};

// 32 registers: 14 rows x 2 vectors of accumulators + 2 of B + 1 broadcast of A = 31. Fourteen rows keep 28 chains in
// flight (latency 4 x 2 FMA a cycle needs 8) and need 2 loads of B and 14 broadcasts for 28 multiply-adds. Tiles of one
// vector have chains enough with as many rows. In groups of 5 the rows take 3 addresses and 4 distances of 15
// registers.
template <typename T>
struct Tile {
    static constexpr int rows = 14, vectors = 2, tall = 14, group = 5;
};

}  // namespace
}  // namespace fastnn::avx512
