// lanes below | The kernel table of neon: its vector type, then the shared kernel texts.
#include "kernels/cpu/isa/neon/vec.h"

#define FASTNN_ISA_NAMESPACE neon
#include "kernels/cpu/kernels.inl"

namespace fastnn::neon {
// extern: a const object would otherwise be local to this file; this is its one exported symbol.
extern const KernelTable kernel_table;
const KernelTable kernel_table = {"neon", "NEON, 4 floats a vector", make_kernels<float>(), make_kernels<double>()};
}  // namespace fastnn::neon
