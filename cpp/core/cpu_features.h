// What this machine offers to this process: instruction sets and processors.
#pragma once

namespace fastnn {

bool cpu_has_avx2();    // with FMA, and the operating system saves ymm registers
bool cpu_has_avx512();  // F, DQ, BW, VL, and the operating system saves zmm registers

// Processors this process may use: the affinity mask, cut to the cgroup's quota (rounded up), at least 1.
int available_cpus();

}  // namespace fastnn
