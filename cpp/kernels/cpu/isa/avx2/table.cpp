// lanes below | The kernel table of avx2: its vector type, then the shared kernel texts.
#include "kernels/cpu/isa/avx2/vec.h"

#define FASTNN_ISA_NAMESPACE avx2
#include "kernels/cpu/kernels.inl"

namespace fastnn::avx2 {
// extern: a const object would otherwise be local to this file; this is its one exported symbol.
extern const KernelTable kernel_table;
const KernelTable kernel_table = {"avx2", "AVX2 with FMA, 8 floats a vector", make_kernels<float>(),
                                  make_dense_kernels<double>()};
}  // namespace fastnn::avx2
