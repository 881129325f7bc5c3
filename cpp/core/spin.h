// Waiting for another thread: without sleeping for as long as that is cheaper than being woken.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace fastnn {

// Lets what shares the core have it for a moment. ARM's own hint, yield, does nothing on most of its cores; isb empties
// the pipeline, some 10 to 40 cycles.
inline void pause_processor() {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("isb" : : : "memory");
#endif
}

// Whether over() came true within this time. The clock is the bound, not a number of pauses: one takes some 40 cycles
// on AMD's processors and Intel's older ones, 140 on Intel's since Skylake. Eight of them are 0.1 to 0.5 us.
template <typename Over>
bool spin_for(std::chrono::nanoseconds time, const Over& over) {
    const auto end = std::chrono::steady_clock::now() + time;
    do {
        for (int i = 0; i < 8; ++i) {
            if (over()) return true;
            pause_processor();
        }
    } while (std::chrono::steady_clock::now() < end);
    return over();
}

// Whether over() came true meanwhile: spins for 10 us, more than a balanced step needs and far less than a time slice;
// not where the threads are more than the processors. Then yields, as others may need the processor.
template <typename Over>
bool spin_until(const Over& over, bool may_spin, std::chrono::nanoseconds yielding) {
    using std::chrono::steady_clock;
    if (may_spin && spin_for(std::chrono::microseconds(10), over)) return true;
    const auto end = steady_clock::now() + yielding;
    do {
        if (over()) return true;
        std::this_thread::yield();
    } while (steady_clock::now() < end);
    return over();
}

// Threads that wait until another has changed something. That one pays for a lock and a call of the system only where
// they sleep.
class Waiting {
public:
    // over() reads atomics. yielding: before it sleeps. Whoever works for the same step should sleep soon, as a
    // processor without work takes the threads that wait for others.
    template <typename Over>
    void wait(const Over& over, bool may_spin, std::chrono::nanoseconds yielding = std::chrono::microseconds(100)) {
        if (spin_until(over, may_spin, yielding)) return;
        std::unique_lock<std::mutex> lock(mutex_);
        asleep_.fetch_add(1);
        changed_.wait(lock, over);
        asleep_.fetch_sub(1);
    }

    // After the change.
    void wake() {
        if (asleep_.load() == 0) return;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
        }
        changed_.notify_all();
    }

private:
    std::atomic<int> asleep_{0};
    std::mutex mutex_;
    std::condition_variable changed_;
};

}  // namespace fastnn
