// lanes below | The kernel table of scalar: its vector type, then the shared kernel texts.
#include "kernels/cpu/isa/scalar/vec.h"

#define FASTNN_ISA_NAMESPACE scalar
#include "kernels/cpu/kernels.inl"

namespace fastnn::scalar {
// extern: a const object would otherwise be local to this file; this is its one exported symbol.
extern const KernelTable kernel_table;
const KernelTable kernel_table = {"scalar", "portable C++, one lane", make_kernels<float>(), make_kernels<double>()};
}  // namespace fastnn::scalar
