// Which kernel table is in use: the best that the CPU supports, or the one FASTNN_ISA names.
#pragma once

#include <string>
#include <vector>

#include "kernels/kernel_table.h"

namespace fastnn {

struct Isa {
    const KernelTable* table;
    bool supported;
};

// All compiled in, the most capable first.
const std::vector<Isa>& isa_levels();

extern const KernelTable* chosen_table;  // by select_isa
inline const KernelTable& active_table() { return *chosen_table; }

// Chooses by name ("" = the best supported). ValueError where the name is unknown or the CPU lacks it.
void select_isa(const std::string& name);

template <typename T>
const Kernels<T>& kernels();
template <>
inline const Kernels<float>& kernels<float>() {
    return active_table().f32;
}
template <>
inline const Kernels<double>& kernels<double>() {
    return active_table().f64;
}

}  // namespace fastnn
