// ISA, threads and devices.
#include <pybind11/stl.h>

#include <cstdlib>

#include "bindings/array_memory.h"
#include "bindings/bindings.h"
#include "core/distance.h"
#include "core/parallel.h"
#include "core/peak.h"
#include "core/platform.h"
#include "kernels/cuda/backend.h"
#include "kernels/dispatch.h"

namespace fastnn {

void bind_runtime(pybind11::module_& module) {
    namespace py = pybind11;
    const char* wanted = std::getenv("FASTNN_ISA");
    select_isa(wanted == nullptr ? "" : wanted);

    module.def("isa", [] { return active_table().name; });
    module.def("isa_description", [] { return active_table().description; });
    module.def("isa_levels", [] {
        std::vector<std::pair<std::string, bool>> levels;
        for (const Isa& isa : isa_levels()) levels.emplace_back(isa.table->name, isa.supported);
        return levels;
    });
    module.def("set_isa", &select_isa, py::arg("name"));
    module.def(
        "kernel_addresses",
        [](const std::string& isa) {
            std::vector<std::uintptr_t> addresses;
            for (const Isa& level : isa_levels()) {
                if (isa != level.table->name) continue;
                addresses = {reinterpret_cast<std::uintptr_t>(level.table->f32.gemm),
                             reinterpret_cast<std::uintptr_t>(level.table->f64.gemm),
                             reinterpret_cast<std::uintptr_t>(level.table->f32.adam)};
            }
            return addresses;
        },
        py::arg("isa"));
    module.def(
        "panel_width",
        [](bool double_precision) { return double_precision ? kernels<double>().panel : kernels<float>().panel; },
        py::arg("double_precision") = false);

    module.def("get_num_threads", &get_num_threads);
    module.def("set_num_threads", &set_num_threads, py::arg("threads"));
    module.def("available_cpus", &available_cpus);
    module.def("threading", &threading_name);
    module.def("team_counters", [] {
        const TeamCounters counters = team_counters();
        return std::make_pair(counters.done, counters.helped);
    });
    module.def("array_memory_counters", [] {
        const ArrayMemoryCounters counters = array_memory_counters();
        return std::make_tuple(counters.taken, counters.reused, counters.kept);
    });
    module.def("fma_peak", &fma_peak_gflops, py::arg("threads"), py::arg("seconds"),
               py::call_guard<py::gil_scoped_release>());
    module.def("core_distance", &core_distance, py::call_guard<py::gil_scoped_release>());

    module.def("cuda_available", &cuda_available);
    module.def("cuda_missing_reason", &cuda_missing_reason);
}

}  // namespace fastnn
