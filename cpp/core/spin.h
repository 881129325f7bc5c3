// Waiting for another thread without sleeping, for as long as that is cheaper than being woken.
#pragma once

#include <thread>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace fastnn {

// Whether over() came true meanwhile. A pause is about 40 cycles on current x86: 1,000 of them are some 10 us, more
// than a balanced step needs and less than a time slice; not where the threads are more than the processors. Then 100
// yields of a microsecond or so, for a machine with more threads than processors.
template <typename Over>
bool spin_until(const Over& over, bool may_spin) {
    constexpr int spins = 1000, yields = 100;
    for (int i = 0; may_spin && i < spins; ++i) {
        if (over()) return true;
#if defined(__x86_64__)
        _mm_pause();
#endif
    }
    for (int i = 0; i < yields; ++i) {
        if (over()) return true;
        std::this_thread::yield();
    }
    return over();
}

}  // namespace fastnn
