#include "bindings/bindings.h"
#include "core/check.h"

namespace py = pybind11;

namespace {

// Sets Python's error to one of a kind; with its fault, where it has one.
void set_error(const py::handle& kind, const fastnn::Error& error) {
    if (error.fault.code == nullptr) return py::set_error(kind, error.what());
    py::dict fields;
    for (const auto& [name, value] : error.fault.fields) {
        fields[name] = std::visit([](const auto& held) -> py::object { return py::cast(held); }, value);
    }
    const py::object told = py::module_::import("fastnn.errors").attr("told");
    PyErr_SetObject(kind.ptr(), told(kind(error.what()), error.fault.code, **fields).ptr());
}

}  // namespace

PYBIND11_MODULE(_core, module) {
    module.doc() = "fastnn's compiled core: kernels, ops and the plan executor";
    module.attr("__version__") = FASTNN_VERSION;
    py::register_exception_translator([](std::exception_ptr error) {
        try {
            if (error) std::rethrow_exception(error);
        } catch (const fastnn::ValueError& e) {
            set_error(PyExc_ValueError, e);
        } catch (const fastnn::TypeError& e) {
            set_error(PyExc_TypeError, e);
        }
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
