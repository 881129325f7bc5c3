// lanes below | NEON of 64-bit ARM: 4 floats or 2 doubles in a q register.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace fastnn::neon {
namespace {

template <typename T>
struct Vec;

template <>
struct Vec<float> {
    using Bits = std::uint32_t;
    using Mask = uint32x4_t;
    static constexpr std::int64_t lanes = 4;
    float32x4_t v;

    static Vec zero() { return {vdupq_n_f32(0)}; }
    static Vec broadcast(float x) { return {vdupq_n_f32(x)}; }
    static Vec of(uint32x4_t bits) { return {vreinterpretq_f32_u32(bits)}; }
    static Vec from_bits(Bits b) { return of(vdupq_n_u32(b)); }
    static Vec load(const float* p) { return {vld1q_f32(p)}; }
    static Vec load_partial(const float* p, std::int64_t n, float rest = 0) {
        if (n >= lanes) return load(p);
        Vec x = broadcast(rest);
        if (n > 0) x.v = vld1q_lane_f32(p, x.v, 0);
        if (n > 1) x.v = vld1q_lane_f32(p + 1, x.v, 1);
        if (n > 2) x.v = vld1q_lane_f32(p + 2, x.v, 2);
        return x;
    }
    void store(float* p) const { vst1q_f32(p, v); }
    void store_partial(float* p, std::int64_t n) const {
        if (n >= lanes) return store(p);
        if (n > 0) vst1q_lane_f32(p, v, 0);
        if (n > 1) vst1q_lane_f32(p + 1, v, 1);
        if (n > 2) vst1q_lane_f32(p + 2, v, 2);
    }
    static void prefetch(const float* p) { __builtin_prefetch(p); }

    template <int w>  // lane i gets lane i + w, for i < w
    Vec from_lane() const {
        return {vextq_f32(v, v, w)};
    }

    uint32x4_t bits() const { return vreinterpretq_u32_f32(v); }
    friend Vec operator+(Vec a, Vec b) { return {vaddq_f32(a.v, b.v)}; }
    friend Vec operator-(Vec a, Vec b) { return {vsubq_f32(a.v, b.v)}; }
    friend Vec operator*(Vec a, Vec b) { return {vmulq_f32(a.v, b.v)}; }
    friend Vec operator/(Vec a, Vec b) { return {vdivq_f32(a.v, b.v)}; }
    friend Vec operator&(Vec a, Vec b) { return of(vandq_u32(a.bits(), b.bits())); }
    friend Vec operator|(Vec a, Vec b) { return of(vorrq_u32(a.bits(), b.bits())); }
    template <int k>
    Vec shift_left() const {
        return of(vshlq_n_u32(bits(), k));
    }
    template <int k>
    Vec shift_right() const {
        return of(vshrq_n_u32(bits(), k));
    }

    friend Vec fma(Vec a, Vec b, Vec c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
    friend Vec fnma(Vec a, Vec b, Vec c) { return {vfmsq_f32(c.v, a.v, b.v)}; }
    friend Vec sqrt(Vec a) { return {vsqrtq_f32(a.v)}; }
    friend Vec max(Vec a, Vec b) { return select(greater(a, b), a, b); }  // b where either is NaN: fmax has NaN there
    friend Mask greater(Vec a, Vec b) { return vcgtq_f32(a.v, b.v); }
    friend Mask differ(Vec a, Vec b) { return vmvnq_u32(vceqq_f32(a.v, b.v)); }
    friend Mask is_nan(Vec a) { return differ(a, a); }
    friend Vec select(Mask m, Vec a, Vec b) { return {vbslq_f32(m, a.v, b.v)}; }
    friend Vec zero_where(Mask m, Vec x) { return of(vbicq_u32(x.bits(), m)); }
};

template <>
struct Vec<double> {
    using Bits = std::uint64_t;
    using Mask = uint64x2_t;
    static constexpr std::int64_t lanes = 2;
    float64x2_t v;

    static Vec zero() { return {vdupq_n_f64(0)}; }
    static Vec broadcast(double x) { return {vdupq_n_f64(x)}; }
    static Vec of(uint64x2_t bits) { return {vreinterpretq_f64_u64(bits)}; }
    static Vec from_bits(Bits b) { return of(vdupq_n_u64(b)); }
    static Vec load(const double* p) { return {vld1q_f64(p)}; }
    static Vec load_partial(const double* p, std::int64_t n, double rest = 0) {
        if (n >= lanes) return load(p);
        const Vec x = broadcast(rest);
        return n > 0 ? Vec{vld1q_lane_f64(p, x.v, 0)} : x;
    }
    static Vec load_wide(const double* p, std::int64_t n) { return load_partial(p, n); }
    static Vec load_wide(const float* p, std::int64_t n) {  // floats, exactly
        const float32x2_t zero = vdup_n_f32(0);
        return {vcvt_f64_f32(n >= lanes ? vld1_f32(p) : n > 0 ? vld1_lane_f32(p, zero, 0) : zero)};
    }
    void store(double* p) const { vst1q_f64(p, v); }
    void store_partial(double* p, std::int64_t n) const {
        if (n >= lanes) return store(p);
        if (n > 0) vst1q_lane_f64(p, v, 0);
    }
    static void prefetch(const double* p) { __builtin_prefetch(p); }

    template <int w>
    Vec from_lane() const {
        return {vextq_f64(v, v, w)};
    }

    uint64x2_t bits() const { return vreinterpretq_u64_f64(v); }
    friend Vec operator+(Vec a, Vec b) { return {vaddq_f64(a.v, b.v)}; }
    friend Vec operator-(Vec a, Vec b) { return {vsubq_f64(a.v, b.v)}; }
    friend Vec operator*(Vec a, Vec b) { return {vmulq_f64(a.v, b.v)}; }
    friend Vec operator/(Vec a, Vec b) { return {vdivq_f64(a.v, b.v)}; }
    friend Vec operator&(Vec a, Vec b) { return of(vandq_u64(a.bits(), b.bits())); }
    friend Vec operator|(Vec a, Vec b) { return of(vorrq_u64(a.bits(), b.bits())); }
    template <int k>
    Vec shift_left() const {
        return of(vshlq_n_u64(bits(), k));
    }
    template <int k>
    Vec shift_right() const {
        return of(vshrq_n_u64(bits(), k));
    }

    friend Vec fma(Vec a, Vec b, Vec c) { return {vfmaq_f64(c.v, a.v, b.v)}; }
    friend Vec fnma(Vec a, Vec b, Vec c) { return {vfmsq_f64(c.v, a.v, b.v)}; }
    friend Vec sqrt(Vec a) { return {vsqrtq_f64(a.v)}; }
    friend Vec max(Vec a, Vec b) { return select(greater(a, b), a, b); }  // b where either is NaN
    friend Mask greater(Vec a, Vec b) { return vcgtq_f64(a.v, b.v); }
    friend Mask differ(Vec a, Vec b) { return veorq_u64(vceqq_f64(a.v, b.v), vdupq_n_u64(~Bits{0})); }
    friend Mask is_nan(Vec a) { return differ(a, a); }
    friend Vec select(Mask m, Vec a, Vec b) { return {vbslq_f64(m, a.v, b.v)}; }
    friend Vec zero_where(Mask m, Vec x) { return of(vbicq_u64(x.bits(), m)); }
};

// 32 registers: 6 rows x 4 vectors of accumulators + 4 of B + 1 broadcast of A = 29. 24 chains cover the latency of 4
// cycles times 2 fma a cycle of ARM's own cores, and times 4 of Apple's; a step has 10 loads for 24 multiply-adds. A
// row of a panel is 64 bytes, a line of the cache. Tiles of one vector have the 16 chains of Apple's cores with 16
// rows. In groups of 6 the rows take at most 3 addresses and 5 distances of 31 registers.
template <typename T>
struct Tile {
    static constexpr int rows = 6, vectors = 4, tall = 16, group = 6;
};

}  // namespace
}  // namespace fastnn::neon
