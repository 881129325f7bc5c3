#include "core/peak.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/check.h"
#include "core/parallel.h"
#include "core/platform.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace fastnn {

namespace {

// Two units with a latency of 4 or 5 cycles need 8 to 10 chains; 12 chains and 2 constants fit 16 registers.
constexpr int chains = 12;

// Each chain tends to 2: no overflow, no subnormal, and nothing that a compiler may fold.
constexpr float half = 0.5f, start = 1.0f;

// One function an instruction set, so that each can name its own (no flags: the rest of the file stays baseline code).
#if defined(__x86_64__)

__attribute__((target("avx512f"))) float burn_avx512(std::int64_t rounds, float one) {
    __m512 sum[chains];
    for (auto& chain : sum) chain = _mm512_set1_ps(start);
    const __m512 factor = _mm512_set1_ps(half), term = _mm512_set1_ps(one);
    for (std::int64_t round = 0; round < rounds; ++round) {
        for (auto& chain : sum) chain = _mm512_fmadd_ps(chain, factor, term);
    }
    for (auto& chain : sum) sum[0] = _mm512_add_ps(sum[0], chain);
    return _mm512_cvtss_f32(sum[0]);
}

__attribute__((target("avx2,fma"))) float burn_avx2(std::int64_t rounds, float one) {
    __m256 sum[chains];
    for (auto& chain : sum) chain = _mm256_set1_ps(start);
    const __m256 factor = _mm256_set1_ps(half), term = _mm256_set1_ps(one);
    for (std::int64_t round = 0; round < rounds; ++round) {
        for (auto& chain : sum) chain = _mm256_fmadd_ps(chain, factor, term);
    }
    for (auto& chain : sum) sum[0] = _mm256_add_ps(sum[0], chain);
    return _mm256_cvtss_f32(sum[0]);
}

// Without fused multiply-adds: a multiplication and an addition.
float burn_baseline(std::int64_t rounds, float one) {
    __m128 sum[chains];
    for (auto& chain : sum) chain = _mm_set1_ps(start);
    const __m128 factor = _mm_set1_ps(half), term = _mm_set1_ps(one);
    for (std::int64_t round = 0; round < rounds; ++round) {
        for (auto& chain : sum) chain = _mm_add_ps(_mm_mul_ps(chain, factor), term);
    }
    for (auto& chain : sum) sum[0] = _mm_add_ps(sum[0], chain);
    return _mm_cvtss_f32(sum[0]);
}

#elif defined(__aarch64__)

float burn_baseline(std::int64_t rounds, float one) {
    float32x4_t sum[2 * chains];  // up to four units and 32 registers
    for (auto& chain : sum) chain = vdupq_n_f32(start);
    const float32x4_t factor = vdupq_n_f32(half), term = vdupq_n_f32(one);
    for (std::int64_t round = 0; round < rounds; ++round) {
        for (auto& chain : sum) chain = vfmaq_f32(term, chain, factor);
    }
    for (auto& chain : sum) sum[0] = vaddq_f32(sum[0], chain);
    return vgetq_lane_f32(sum[0], 0);
}

#else

float burn_baseline(std::int64_t rounds, float one) {
    float sum[chains];
    for (auto& chain : sum) chain = start;
    for (std::int64_t round = 0; round < rounds; ++round) {
        for (auto& chain : sum) chain = chain * half + one;
    }
    for (auto& chain : sum) sum[0] += chain;
    return sum[0];
}

#endif

struct Loop {
    float (*burn)(std::int64_t rounds, float one);
    double flops;  // of one round
};

Loop widest_loop() {
#if defined(__x86_64__)
    if (cpu_has_avx512()) return {burn_avx512, 2.0 * 16 * chains};
    if (cpu_has_avx2()) return {burn_avx2, 2.0 * 8 * chains};
    return {burn_baseline, 2.0 * 4 * chains};
#elif defined(__aarch64__)
    return {burn_baseline, 2.0 * 4 * 2 * chains};
#else
    return {burn_baseline, 2.0 * chains};
#endif
}

// GFLOP/s of the calling thread over this long: the median of slices of some 10 us, because a thread that loses its
// processor for a while loses one slice, not the probe.
double rate(const Loop& loop, double seconds) {
    using Clock = std::chrono::steady_clock;
    constexpr std::int64_t rounds = 4000;
    constexpr std::size_t enough = 16;         // slices that have a median worth the name
    volatile float one = 1.0f, result = 0.0f;  // volatile: the compiler may neither know the one nor drop the other
    std::vector<double> slices;
    const Clock::time_point begin = Clock::now();
    Clock::time_point last = begin;
    while (slices.size() < enough || std::chrono::duration<double>(last - begin).count() < seconds) {
        result = loop.burn(rounds, one);
        const Clock::time_point now = Clock::now();
        slices.push_back(loop.flops * static_cast<double>(rounds) / std::chrono::duration<double>(now - last).count());
        last = now;
    }
    static_cast<void>(result);
    const auto middle = slices.begin() + static_cast<std::ptrdiff_t>(slices.size() / 2);
    std::nth_element(slices.begin(), middle, slices.end());
    return *middle * 1e-9;
}

}  // namespace

double fma_peak_gflops(int threads, double seconds) {
    if (threads < 1 || threads > 4096) fail("fma_peak", "threads must be from 1 to 4096, got ", threads);
    if (!(seconds > 0 && seconds <= 10)) fail("fma_peak", "seconds must be above 0 and at most 10, got ", seconds);
    const Loop loop = widest_loop();
    std::atomic<double> total{0};
    parallel(threads, [&](Team& team) {
        team.barrier();  // all at once: cores that share units must be measured sharing them
        const double own = rate(loop, seconds);
        for (double seen = total.load(); !total.compare_exchange_weak(seen, seen + own);) {
        }
    });
    return total.load();
}

}  // namespace fastnn
