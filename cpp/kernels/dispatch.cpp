#include "kernels/dispatch.h"

#include "core/check.h"
#include "core/platform.h"

namespace fastnn {

namespace scalar {
extern const KernelTable kernel_table;
}  // namespace scalar
#if defined(FASTNN_HAS_AVX2)
namespace avx2 {
extern const KernelTable kernel_table;
}  // namespace avx2
#endif
#if defined(FASTNN_HAS_AVX512)
namespace avx512 {
extern const KernelTable kernel_table;
}  // namespace avx512
#endif

const std::vector<Isa>& isa_levels() {
    static const std::vector<Isa> levels = {
#if defined(FASTNN_HAS_AVX512)
        {&avx512::kernel_table, cpu_has_avx512()},
#endif
#if defined(FASTNN_HAS_AVX2)
        {&avx2::kernel_table, cpu_has_avx2()},
#endif
        {&scalar::kernel_table, true},
    };
    return levels;
}

namespace {

const KernelTable* best_table() {
    for (const Isa& isa : isa_levels()) {
        if (isa.supported) return isa.table;
    }
    return &scalar::kernel_table;
}

}  // namespace

const KernelTable* chosen_table = best_table();

void select_isa(const std::string& name) {
    if (name.empty()) {
        chosen_table = best_table();
        return;
    }
    std::string known;
    for (const Isa& isa : isa_levels()) {
        if (name != isa.table->name) {
            known += (known.empty() ? "" : ", ") + std::string(isa.table->name);
            continue;
        }
        if (!isa.supported)
            fail("isa", "FASTNN_ISA is '", name, "', which this CPU does not support; unset it for the best that does");
        chosen_table = isa.table;
        return;
    }
    fail("isa", "FASTNN_ISA is '", name, "'; it must be one of ", known);
}

}  // namespace fastnn
