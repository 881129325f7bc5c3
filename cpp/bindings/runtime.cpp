// ISA, threads and devices.
#include <pybind11/stl.h>

#include <cstdlib>

#include "bindings/array_memory.h"
#include "bindings/bindings.h"
#include "bindings/functions.h"
#include "core/distance.h"
#include "core/parallel.h"
#include "core/peak.h"
#include "core/platform.h"
#include "kernels/cuda/backend.h"
#include "kernels/dispatch.h"

namespace fastnn {

namespace {

std::vector<std::uintptr_t> kernel_addresses(const std::string& isa) {
    std::vector<std::uintptr_t> addresses;
    for (const Isa& level : isa_levels()) {
        if (isa != level.table->name) continue;
        addresses = {reinterpret_cast<std::uintptr_t>(level.table->f32.gemm),
                     reinterpret_cast<std::uintptr_t>(level.table->f64.gemm),
                     reinterpret_cast<std::uintptr_t>(level.table->f32.adam)};
    }
    return addresses;
}

// What takes long and needs nothing of Python.
template <auto function, typename... Parameters>
auto without_gil(Parameters... parameters) {
    const py::gil_scoped_release released;
    return function(parameters...);
}

}  // namespace

void bind_runtime(py::module_& module) {
    const char* wanted = std::getenv("FASTNN_ISA");
    select_isa(wanted == nullptr ? "" : wanted);

    def(module, "isa", "", [] { return active_table().name; });
    def(module, "isa_description", "", [] { return active_table().description; });
    def(module, "isa_levels", "", [] {
        std::vector<std::pair<std::string, bool>> levels;
        for (const Isa& isa : isa_levels()) levels.emplace_back(isa.table->name, isa.supported);
        return levels;
    });
    def(module, "set_isa", "name", select_isa);
    def(module, "kernel_addresses", "isa", kernel_addresses);
    def(module, "panel_width", "double_precision=False",
        [](bool double_precision) { return double_precision ? kernels<double>().panel : kernels<float>().panel; });

    def(module, "get_num_threads", "", get_num_threads);
    def(module, "set_num_threads", "threads", set_num_threads);
    def(module, "available_cpus", "", available_cpus);
    def(module, "threading", "", threading_name);
    def(module, "team_counters", "", [] {
        const TeamCounters counters = team_counters();
        return std::make_pair(counters.done, counters.helped);
    });
    def(module, "array_memory_counters", "", [] {
        const ArrayMemoryCounters counters = array_memory_counters();
        return std::make_tuple(counters.taken, counters.reused, counters.kept);
    });
    def(module, "fma_peak", "threads, seconds", without_gil<fma_peak_gflops, int, double>);
    def(module, "core_distance", "", without_gil<core_distance>);

    def(module, "cuda_available", "", cuda_available);
    def(module, "cuda_missing_reason", "", cuda_missing_reason);
}

}  // namespace fastnn
