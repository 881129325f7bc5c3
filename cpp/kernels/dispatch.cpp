#include "kernels/dispatch.h"

#include "core/check.h"
#include "core/platform.h"

namespace fastnn {

namespace scalar {
extern const KernelTable kernel_table;
}  // namespace scalar
#if defined(FASTNN_HAS_NEON)
namespace neon {
extern const KernelTable kernel_table;
}  // namespace neon
#endif
#if defined(FASTNN_HAS_AVX2)
namespace avx2 {
extern const KernelTable kernel_table;
}  // namespace avx2
#endif
#if defined(FASTNN_HAS_AVX512)
namespace avx512 {
extern const KernelTable kernel_table;
}  // namespace avx512

namespace {

// Doubles check what floats do, with AVX2's kernels here too: those of AVX-512 were a twentieth of the library, and a
// step of doubles takes 1.4 times as long without them (784-256-10, batch 64: 1,291 and 1,897 us).
const KernelTable avx512_table = [] {
    KernelTable table = avx512::kernel_table;
    table.f64 = avx2::kernel_table.f64;
    return table;
}();

}  // namespace
#endif

const std::vector<Isa>& isa_levels() {
    static const std::vector<Isa> levels = {
#if defined(FASTNN_HAS_AVX512)
        {&avx512_table, cpu_has_avx512()},
#endif
#if defined(FASTNN_HAS_AVX2)
        {&avx2::kernel_table, cpu_has_avx2()},
#endif
#if defined(FASTNN_HAS_NEON)
        {&neon::kernel_table, true},
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
