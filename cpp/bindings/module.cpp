#include "bindings/bindings.h"

namespace py = pybind11;

PYBIND11_MODULE(_core, module) {
    module.doc() = "fastnn's compiled core: kernels, ops and the plan executor";
    module.attr("__version__") = FASTNN_VERSION;
    py::register_local_exception_translator([](std::exception_ptr error) {  // what pybind11 itself calls: constructors
        if (error) fastnn::set_error_of(error);
    });
    fastnn::bind_runtime(module);
    fastnn::bind_lease(module);
    fastnn::bind_ops(module);
    fastnn::bind_convolution(module);
    fastnn::bind_pooling(module);
    fastnn::bind_batch_norm(module);
    fastnn::bind_updates(module);
    fastnn::bind_data(module);
    fastnn::bind_digits(module);
    fastnn::bind_images(module);
    fastnn::bind_plan(module);
}
