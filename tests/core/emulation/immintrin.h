// The AVX-512 intrinsics that cpp/kernels/cpu/isa/avx512/vec.h uses, in plain C++ by Intel's description: with this
// file first on the include path, the avx512 kernels run on any CPU, slowly. For tests/test_emulated_avx512.py only.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

template <typename T, int N>
struct Lanes512 {
    T lane[N];
};
using __m512 = Lanes512<float, 16>;
using __m512d = Lanes512<double, 8>;
using __m512i = Lanes512<std::uint32_t, 16>;
using __m256 = Lanes512<float, 8>;
using __mmask16 = std::uint16_t;
using __mmask8 = std::uint8_t;

enum { _CMP_GT_OQ = 0x1E, _CMP_UNORD_Q = 0x03, _CMP_NEQ_UQ = 0x04, _MM_HINT_T0 = 1 };

template <typename To, typename From>
To recast(From x) {
    To y;
    std::memcpy(&y, &x, sizeof y);
    return y;
}

template <typename V, typename F>
V lanewise(F f) {
    V y;
    int i = 0;
    for (auto& lane : y.lane) lane = f(i++);
    return y;
}

inline void _mm_prefetch(const char*, int) {}

#define FASTNN_EMULATE(suffix, V, T, Mask, count)                                                    \
    inline V _mm512_setzero_##suffix() {                                                             \
        return lanewise<V>([](int) { return T(0); });                                                \
    }                                                                                                \
    inline V _mm512_set1_##suffix(T x) {                                                             \
        return lanewise<V>([=](int) { return x; });                                                  \
    }                                                                                                \
    inline V _mm512_loadu_##suffix(const T* p) {                                                     \
        return lanewise<V>([=](int i) { return p[i]; });                                             \
    }                                                                                                \
    inline V _mm512_maskz_loadu_##suffix(Mask m, const T* p) {                                       \
        return lanewise<V>([=](int i) { return (m >> i & 1) ? p[i] : T(0); });                       \
    }                                                                                                \
    inline void _mm512_storeu_##suffix(T* p, V x) { std::memcpy(p, x.lane, sizeof x); }              \
    inline void _mm512_mask_storeu_##suffix(T* p, Mask m, V x) {                                     \
        for (int i = 0; i < count; ++i)                                                              \
            if (m >> i & 1) p[i] = x.lane[i];                                                        \
    }                                                                                                \
    inline V _mm512_add_##suffix(V a, V b) {                                                         \
        return lanewise<V>([=](int i) { return a.lane[i] + b.lane[i]; });                            \
    }                                                                                                \
    inline V _mm512_sub_##suffix(V a, V b) {                                                         \
        return lanewise<V>([=](int i) { return a.lane[i] - b.lane[i]; });                            \
    }                                                                                                \
    inline V _mm512_max_##suffix(V a, V b) {                                                         \
        return lanewise<V>([=](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });    \
    }                                                                                                \
    inline V _mm512_mul_##suffix(V a, V b) {                                                         \
        return lanewise<V>([=](int i) { return a.lane[i] * b.lane[i]; });                            \
    }                                                                                                \
    inline V _mm512_div_##suffix(V a, V b) {                                                         \
        return lanewise<V>([=](int i) { return a.lane[i] / b.lane[i]; });                            \
    }                                                                                                \
    inline V _mm512_sqrt_##suffix(V a) {                                                             \
        return lanewise<V>([=](int i) { return std::sqrt(a.lane[i]); });                             \
    }                                                                                                \
    inline V _mm512_fmadd_##suffix(V a, V b, V c) {                                                  \
        return lanewise<V>([=](int i) { return std::fma(a.lane[i], b.lane[i], c.lane[i]); });        \
    }                                                                                                \
    inline V _mm512_fnmadd_##suffix(V a, V b, V c) {                                                 \
        return lanewise<V>([=](int i) { return std::fma(-a.lane[i], b.lane[i], c.lane[i]); });       \
    }                                                                                                \
    inline Mask _mm512_cmp_##suffix##_mask(V a, V b, int kind) {                                     \
        Mask m = 0;                                                                                  \
        for (int i = 0; i < count; ++i) {                                                            \
            const bool yes = kind == _CMP_GT_OQ    ? a.lane[i] > b.lane[i]                           \
                             : kind == _CMP_NEQ_UQ ? a.lane[i] != b.lane[i]                          \
                                                   : std::isnan(a.lane[i]) || std::isnan(b.lane[i]); \
            m = static_cast<Mask>(m | yes << i);                                                     \
        }                                                                                            \
        return m;                                                                                    \
    }                                                                                                \
    inline V _mm512_mask_blend_##suffix(Mask m, V a, V b) {                                          \
        return lanewise<V>([=](int i) { return (m >> i & 1) ? b.lane[i] : a.lane[i]; });             \
    }                                                                                                \
    inline V _mm512_castsi512_##suffix(__m512i x) { return recast<V>(x); }                           \
    inline __m512i _mm512_cast##suffix##_si512(V x) { return recast<__m512i>(x); }

FASTNN_EMULATE(ps, __m512, float, __mmask16, 16)
FASTNN_EMULATE(pd, __m512d, double, __mmask8, 8)
#undef FASTNN_EMULATE

// 128-bit blocks 0 and 1 out of a, 2 and 3 out of b, two bits of the number for each.
inline __m512 _mm512_shuffle_f32x4(__m512 a, __m512 b, int blocks) {
    return lanewise<__m512>([=](int i) {
        const int block = blocks >> (i / 4 * 2) & 3;
        return (i < 8 ? a : b).lane[block * 4 + i % 4];
    });
}
// Lanes out of those of a, then those of b.
inline __m512i _mm512_loadu_si512(const void* p) {
    __m512i y;
    std::memcpy(&y, p, sizeof(y));
    return y;
}
inline __m512 _mm512_permutex2var_ps(__m512 a, __m512i lanes, __m512 b) {
    return lanewise<__m512>([=](int i) {
        const std::uint32_t lane = static_cast<std::uint32_t>(lanes.lane[i]) & 31;
        return lane < 16 ? a.lane[lane] : b.lane[lane - 16];
    });
}
// Inside each 128-bit block: two bits a lane.
inline __m512 _mm512_permute_ps(__m512 a, int lanes) {
    return lanewise<__m512>([=](int i) { return a.lane[i / 4 * 4 + (lanes >> (i % 4 * 2) & 3)]; });
}
inline __m256 _mm512_castps512_ps256(__m512 a) {
    return lanewise<__m256>([=](int i) { return a.lane[i]; });
}
inline __m512d _mm512_cvtps_pd(__m256 a) {
    return lanewise<__m512d>([=](int i) { return static_cast<double>(a.lane[i]); });
}

inline __m512i _mm512_set1_epi32(int x) {
    return lanewise<__m512i>([=](int) { return static_cast<std::uint32_t>(x); });
}
inline __m512i _mm512_and_si512(__m512i a, __m512i b) {
    return lanewise<__m512i>([=](int i) { return a.lane[i] & b.lane[i]; });
}
inline __m512i _mm512_or_si512(__m512i a, __m512i b) {
    return lanewise<__m512i>([=](int i) { return a.lane[i] | b.lane[i]; });
}
inline __m512i _mm512_slli_epi32(__m512i a, int k) {
    return lanewise<__m512i>([=](int i) { return a.lane[i] << k; });
}
inline __m512i _mm512_srli_epi32(__m512i a, int k) {
    return lanewise<__m512i>([=](int i) { return a.lane[i] >> k; });
}
