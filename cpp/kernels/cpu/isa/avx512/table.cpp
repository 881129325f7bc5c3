// lanes below | The kernel table of avx512: its vector type, then the shared kernel texts.
#include "kernels/cpu/isa/avx512/vec.h"

#define FASTNN_ISA_NAMESPACE avx512
#include "kernels/cpu/kernels.inl"

namespace fastnn::avx512 {
// extern: a const object would otherwise be local to this file; this is its one exported symbol.
extern const KernelTable kernel_table;
const KernelTable kernel_table = {"avx512", "AVX-512 (F, DQ, BW, VL), 16 floats a vector", make_kernels<float>(), {}};
}  // namespace fastnn::avx512
