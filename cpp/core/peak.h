// threads above | What this machine's multiply-add units can do at this moment: the yardstick of the benchmarks.
//
// Virtual machines and laptops change speed by a factor of two within seconds, so a time alone says little; the share
// of the peak probed just before it does. The loop is written here, with explicit instructions, and not taken from the
// kernels under test: a slower kernel must not lower its own yardstick.
#pragma once

namespace fastnn {

// float32 GFLOP/s, a multiply-add counting as two, of this many threads together, each running independent chains of
// fused multiply-adds in registers for this long. The widest vectors that the CPU has, whichever ISA is in force.
// ValueError where threads is outside 1..4096 or seconds outside 0..10.
double fma_peak_gflops(int threads, double seconds);

}  // namespace fastnn
