// lanes below | AVX2 with FMA: 8 floats or 4 doubles in a ymm register.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace fastnn::avx2 {
namespace {

template <typename T>
struct Vec;

template <>
struct Vec<float> {
    using Bits = std::uint32_t;
    using Mask = __m256;
    static constexpr std::int64_t lanes = 8;
    __m256 v;

    static __m256i first(std::int64_t n) {
        const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n > 8 ? 8 : n)), lane);
    }
    static Vec zero() { return {_mm256_setzero_ps()}; }
    static Vec broadcast(float x) { return {_mm256_set1_ps(x)}; }
    static Vec from_bits(Bits b) { return {_mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(b)))}; }
    static Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
    static Vec load_partial(const float* p, std::int64_t n) { return {_mm256_maskload_ps(p, first(n))}; }
    static Vec load_partial(const float* p, std::int64_t n, float rest) {
        return select(_mm256_castsi256_ps(first(n)), load_partial(p, n), broadcast(rest));
    }
    void store(float* p) const { _mm256_storeu_ps(p, v); }
    void store_partial(float* p, std::int64_t n) const {  // maskstore is microcode on AMD
        if (n >= lanes) return store(p);
        __m128 rest = _mm256_castps256_ps128(v);
        if (n & 4) {
            _mm_storeu_ps(p, rest);
            rest = _mm256_extractf128_ps(v, 1);
            p += 4;
        }
        if (n & 2) {
            _mm_storel_pi(reinterpret_cast<__m64*>(p), rest);
            rest = _mm_movehl_ps(rest, rest);
            p += 2;
        }
        if (n & 1) _mm_store_ss(p, rest);
    }
    static void prefetch(const float* p) { _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T0); }

    template <int w>  // lane i gets lane i + w, for i < w
    Vec from_lane() const {
        if constexpr (w == 4) return {_mm256_permute2f128_ps(v, v, 0x01)};
        return {_mm256_permute_ps(v, w == 2 ? 0x0E : 0x01)};
    }

    __m256i bits() const { return _mm256_castps_si256(v); }
    friend Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
    friend Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
    friend Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
    friend Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
    friend Vec operator&(Vec a, Vec b) { return {_mm256_and_ps(a.v, b.v)}; }
    friend Vec operator|(Vec a, Vec b) { return {_mm256_or_ps(a.v, b.v)}; }
    template <int k>
    Vec shift_left() const {
        return {_mm256_castsi256_ps(_mm256_slli_epi32(bits(), k))};
    }
    template <int k>
    Vec shift_right() const {
        return {_mm256_castsi256_ps(_mm256_srli_epi32(bits(), k))};
    }

    friend Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
    friend Vec fnma(Vec a, Vec b, Vec c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }
    friend Vec sqrt(Vec a) { return {_mm256_sqrt_ps(a.v)}; }
    friend Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }  // b where either is NaN
    friend Mask greater(Vec a, Vec b) { return _mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ); }
    friend Mask differ(Vec a, Vec b) { return _mm256_cmp_ps(a.v, b.v, _CMP_NEQ_UQ); }
    friend Mask is_nan(Vec a) { return _mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q); }
    friend Vec select(Mask m, Vec a, Vec b) { return {_mm256_blendv_ps(b.v, a.v, m)}; }
    friend Vec zero_where(Mask m, Vec x) { return {_mm256_andnot_ps(m, x.v)}; }
};

template <>
struct Vec<double> {
    using Bits = std::uint64_t;
    using Mask = __m256d;
    static constexpr std::int64_t lanes = 4;
    __m256d v;

    static __m256i first(std::int64_t n) {
        const __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3);
        return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), lane);
    }
    static Vec zero() { return {_mm256_setzero_pd()}; }
    static Vec broadcast(double x) { return {_mm256_set1_pd(x)}; }
    static Vec from_bits(Bits b) { return {_mm256_castsi256_pd(_mm256_set1_epi64x(static_cast<long long>(b)))}; }
    static Vec load(const double* p) { return {_mm256_loadu_pd(p)}; }
    static Vec load_partial(const double* p, std::int64_t n) { return {_mm256_maskload_pd(p, first(n))}; }
    static Vec load_partial(const double* p, std::int64_t n, double rest) {
        return select(_mm256_castsi256_pd(first(n)), load_partial(p, n), broadcast(rest));
    }
    static Vec load_wide(const double* p, std::int64_t n) { return n >= lanes ? load(p) : load_partial(p, n); }
    static Vec load_wide(const float* p, std::int64_t n) {  // floats, exactly
        if (n >= lanes) return {_mm256_cvtps_pd(_mm_loadu_ps(p))};
        const __m128i some = _mm_cmpgt_epi32(_mm_set1_epi32(static_cast<int>(n)), _mm_setr_epi32(0, 1, 2, 3));
        return {_mm256_cvtps_pd(_mm_maskload_ps(p, some))};
    }
    void store(double* p) const { _mm256_storeu_pd(p, v); }
    void store_partial(double* p, std::int64_t n) const {
        if (n >= lanes) return store(p);
        __m128d rest = _mm256_castpd256_pd128(v);
        if (n & 2) {
            _mm_storeu_pd(p, rest);
            rest = _mm256_extractf128_pd(v, 1);
            p += 2;
        }
        if (n & 1) _mm_store_sd(p, rest);
    }
    static void prefetch(const double* p) { _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T0); }

    template <int w>
    Vec from_lane() const {
        if constexpr (w == 2) return {_mm256_permute2f128_pd(v, v, 0x01)};
        return {_mm256_permute_pd(v, 0x01)};
    }

    __m256i bits() const { return _mm256_castpd_si256(v); }
    friend Vec operator+(Vec a, Vec b) { return {_mm256_add_pd(a.v, b.v)}; }
    friend Vec operator-(Vec a, Vec b) { return {_mm256_sub_pd(a.v, b.v)}; }
    friend Vec operator*(Vec a, Vec b) { return {_mm256_mul_pd(a.v, b.v)}; }
    friend Vec operator/(Vec a, Vec b) { return {_mm256_div_pd(a.v, b.v)}; }
    friend Vec operator&(Vec a, Vec b) { return {_mm256_and_pd(a.v, b.v)}; }
    friend Vec operator|(Vec a, Vec b) { return {_mm256_or_pd(a.v, b.v)}; }
    template <int k>
    Vec shift_left() const {
        return {_mm256_castsi256_pd(_mm256_slli_epi64(bits(), k))};
    }
    template <int k>
    Vec shift_right() const {
        return {_mm256_castsi256_pd(_mm256_srli_epi64(bits(), k))};
    }

    friend Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
    friend Vec fnma(Vec a, Vec b, Vec c) { return {_mm256_fnmadd_pd(a.v, b.v, c.v)}; }
    friend Vec sqrt(Vec a) { return {_mm256_sqrt_pd(a.v)}; }
    friend Vec max(Vec a, Vec b) { return {_mm256_max_pd(a.v, b.v)}; }  // b where either is NaN
    friend Mask greater(Vec a, Vec b) { return _mm256_cmp_pd(a.v, b.v, _CMP_GT_OQ); }
    friend Mask differ(Vec a, Vec b) { return _mm256_cmp_pd(a.v, b.v, _CMP_NEQ_UQ); }
    friend Mask is_nan(Vec a) { return _mm256_cmp_pd(a.v, a.v, _CMP_UNORD_Q); }
    friend Vec select(Mask m, Vec a, Vec b) { return {_mm256_blendv_pd(b.v, a.v, m)}; }
    friend Vec zero_where(Mask m, Vec x) { return {_mm256_andnot_pd(m, x.v)}; }
};

// 16 registers: 6 rows x 2 vectors of accumulators + 2 of B + 1 broadcast of A = 15; 12 chains cover the latency of
// 4 to 5 cycles times 2 FMA a cycle. Tiles of one vector have as many chains with 12 rows. In groups of 6 the rows take
// at most 2 addresses and 5 distances of 15 registers.
template <typename T>
struct Tile {
    static constexpr int rows = 6, vectors = 2, tall = 12, group = 6;
};

// Doubles check what floats do: tiles of fewer heights, a third of the code; 8 chains cover the latency too.
template <>
struct Tile<double> {
    static constexpr int rows = 4, vectors = 2, tall = 4, group = 4;
};

}  // namespace
}  // namespace fastnn::avx2
