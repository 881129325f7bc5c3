#include "bindings/bindings.h"
#include "core/check.h"

PYBIND11_MODULE(_core, module) {
    namespace py = pybind11;
    module.doc() = "fastnn's compiled core: kernels, ops and the plan executor";
    module.attr("__version__") = FASTNN_VERSION;
    py::register_exception_translator([](std::exception_ptr error) {
        try {
            if (error) std::rethrow_exception(error);
        } catch (const fastnn::ValueError& e) {
            py::set_error(PyExc_ValueError, e.what());
        } catch (const fastnn::TypeError& e) {
            py::set_error(PyExc_TypeError, e.what());
        }
    });
    fastnn::bind_runtime(module);
    fastnn::bind_ops(module);
    fastnn::bind_updates(module);
    fastnn::bind_data(module);
    fastnn::bind_digits(module);
    fastnn::bind_images(module);
    fastnn::bind_plan(module);
}
