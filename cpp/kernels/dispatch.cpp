#include "kernels/dispatch.h"

#include <cstring>

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
#endif

#if defined(FASTNN_HAS_AVX2)
namespace {

// Doubles check what floats do. So for them AVX2 has what a step of dense layers takes, AVX-512 nothing: a tenth of the
// library less. What a table lacks is that of the next one, with the same bits. (784-256-10, batch 64, in AVX2's
// kernels instead of AVX-512's: 1,897 us instead of 1,291.)
KernelTable completed(KernelTable table, const Kernels<double>& by) {
    constexpr std::size_t word = sizeof(void*), words = sizeof by / word;
    static_assert(sizeof by % word == 0 && sizeof(std::int64_t) == word, "numbers and addresses, each a word");
    void *own[words], *others[words];
    std::memcpy(own, &table.f64, sizeof own);
    std::memcpy(others, &by, sizeof others);
    for (std::size_t i = 0; i < words; ++i) {
        if (own[i] == nullptr) own[i] = others[i];
    }
    std::memcpy(&table.f64, own, sizeof own);
    return table;
}

const KernelTable avx2_table = completed(avx2::kernel_table, scalar::kernel_table.f64);
#if defined(FASTNN_HAS_AVX512)
const KernelTable avx512_table = completed(avx512::kernel_table, avx2_table.f64);
#endif

}  // namespace
#endif

const std::vector<Isa>& isa_levels() {
    static const std::vector<Isa> levels = {
#if defined(FASTNN_HAS_AVX512)
        {&avx512_table, cpu_has_avx512()},
#endif
#if defined(FASTNN_HAS_AVX2)
        {&avx2_table, cpu_has_avx2()},
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
