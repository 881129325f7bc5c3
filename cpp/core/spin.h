// Waiting for another thread without sleeping, for as long as that is cheaper than being woken.
#pragma once

#include <chrono>
#include <thread>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace fastnn {

// Whether over() came true within this time. The clock is the bound, not a number of pauses: one takes some 40 cycles
// on AMD's processors and Intel's older ones, 140 on Intel's since Skylake. Eight of them are 0.1 to 0.5 us.
template <typename Over>
bool spin_for(std::chrono::nanoseconds time, const Over& over) {
    const auto end = std::chrono::steady_clock::now() + time;
    do {
        for (int i = 0; i < 8; ++i) {
            if (over()) return true;
#if defined(__x86_64__)
            _mm_pause();
#endif
        }
    } while (std::chrono::steady_clock::now() < end);
    return over();
}

// Whether over() came true meanwhile: for 10 us, more than a balanced step needs and less than a time slice; not where
// the threads are more than the processors. Then 100 yields of a microsecond or so, for a machine with more threads
// than processors.
template <typename Over>
bool spin_until(const Over& over, bool may_spin) {
    constexpr int yields = 100;
    if (may_spin && spin_for(std::chrono::microseconds(10), over)) return true;
    for (int i = 0; i < yields; ++i) {
        if (over()) return true;
        std::this_thread::yield();
    }
    return over();
}

}  // namespace fastnn
