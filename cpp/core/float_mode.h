// The floating-point mode of a thread: round to nearest, subnormals kept (what is to end at zero is ended by kernels,
// to the same bits everywhere: kernel_table.h; a mode that flushes would not reach the oracle, and other processors
// decide before rounding what is too small). Other libraries change it (a library linked with -ffast-math turns
// subnormals off for the whole process), so every thread that runs kernels sets it and puts it back.
#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace fastnn {

class FloatMode {
public:
#if defined(__x86_64__)
    FloatMode() : saved_(_mm_getcsr()) {
        if (saved_ != (saved_ & flags) + standard) _mm_setcsr(standard);
    }
    ~FloatMode() {
        if (saved_ != (saved_ & flags) + standard) _mm_setcsr(saved_);
    }
    FloatMode(const FloatMode&) = delete;
    FloatMode& operator=(const FloatMode&) = delete;

private:
    static constexpr unsigned flags = 0x3F;       // sticky exception flags: not a mode
    static constexpr unsigned standard = 0x1F80;  // all exceptions masked, nearest, no flush to zero
    unsigned saved_;
#else
    FloatMode() {}
#endif
};

}  // namespace fastnn
