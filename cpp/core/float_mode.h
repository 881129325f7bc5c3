// The floating-point mode of a thread: round to nearest, subnormals kept (what is to end at zero is ended by kernels,
// to the same bits everywhere: kernel_table.h; a mode that flushes would not reach the oracle, and other processors
// decide before rounding what is too small). Other libraries change it (a library linked with -ffast-math turns
// subnormals off for the whole process), so every thread that runs kernels sets it and puts it back.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace fastnn {

// The register with a thread's mode, MXCSR or FPCR; `flags` are sticky exception flags in it, which are no mode.
#if defined(__x86_64__)
struct FloatRegister {
    using Bits = unsigned;
    static constexpr Bits flags = 0x3F, standard = 0x1F80;  // all exceptions masked, nearest, no flush to zero
    static Bits read() { return _mm_getcsr(); }
    static void write(Bits bits) { _mm_setcsr(bits); }
};
#elif defined(__aarch64__)
struct FloatRegister {
    using Bits = std::uint64_t;
    static constexpr Bits flags = 0, standard = 0;  // no traps, nearest, no flush to zero, NaN keep what they carry
    static Bits read() {
        Bits bits;
        asm volatile("mrs %0, fpcr" : "=r"(bits));
        return bits;
    }
    static void write(Bits bits) { asm volatile("msr fpcr, %0" : : "r"(bits) : "memory"); }
};
#else
struct FloatRegister {
    using Bits = unsigned;
    static constexpr Bits flags = 0, standard = 0;
    static Bits read() { return 0; }
    static void write(Bits) {}
};
#endif

class FloatMode {
public:
    FloatMode() : saved_(FloatRegister::read()) {
        if (other()) FloatRegister::write(FloatRegister::standard);
    }
    ~FloatMode() {
        if (other()) FloatRegister::write(saved_);
    }
    FloatMode(const FloatMode&) = delete;
    FloatMode& operator=(const FloatMode&) = delete;

private:
    bool other() const { return saved_ != (saved_ & FloatRegister::flags) + FloatRegister::standard; }

    FloatRegister::Bits saved_;
};

}  // namespace fastnn
