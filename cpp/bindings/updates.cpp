// Optimizer updates of NumPy arrays, in place.
#include <memory>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "ops/adam.h"
#include "ops/rmsprop.h"
#include "ops/sgd.h"

namespace fastnn {

namespace {

using Object = py::object;

void adam_arrays(const Object& param_in, const Object& grad_in, const Object& m_in, const Object& v_in,
                 const AdamSettings& settings) {
    const TensorView param = in_place("adam", "param", param_in), m = in_place("adam", "m", m_in),
                     v = in_place("adam", "v", v_in);
    const Input grad("adam", "grad", grad_in, Layout::any);
    adam_check(param, grad.view(), m, v);
    run_op(static_cast<double>(param.size()) * 4, [&](Team& team) { adam(team, settings, param, grad.view(), m, v); });
}

void sgd_arrays(const Object& param_in, const Object& grad_in, const Object& buffer_in, const SgdSettings& settings) {
    const TensorView param = in_place("sgd", "param", param_in);
    const TensorView buffer = buffer_in.is_none() ? param : in_place("sgd", "momentum_buffer", buffer_in);
    const TensorView* buffer_view = buffer_in.is_none() ? nullptr : &buffer;
    const Input grad("sgd", "grad", grad_in, Layout::any);
    sgd_check(param, grad.view(), buffer_view);
    run_op(static_cast<double>(param.size()),
           [&](Team& team) { sgd(team, settings, param, grad.view(), buffer_view); });
}

void rmsprop_arrays(const Object& param_in, const Object& grad_in, const Object& square_in, const Object& buffer_in,
                    const RmspropSettings& settings) {
    const TensorView param = in_place("rmsprop", "param", param_in),
                     square = in_place("rmsprop", "square_avg", square_in);
    const TensorView buffer = buffer_in.is_none() ? param : in_place("rmsprop", "momentum_buffer", buffer_in);
    const TensorView* buffer_view = buffer_in.is_none() ? nullptr : &buffer;
    const Input grad("rmsprop", "grad", grad_in, Layout::any);
    rmsprop_check(param, grad.view(), square, buffer_view);
    run_op(static_cast<double>(param.size()) * 4,
           [&](Team& team) { rmsprop(team, settings, param, grad.view(), square, buffer_view); });
}

}  // namespace

void bind_updates(py::module_& module) {
    py::class_<AdamSettings, std::shared_ptr<AdamSettings>>(module, "AdamSettings")
        .def(py::init<>())
        .def_readwrite("lr", &AdamSettings::lr)
        .def_readwrite("beta1", &AdamSettings::beta1)
        .def_readwrite("beta2", &AdamSettings::beta2)
        .def_readwrite("eps", &AdamSettings::eps)
        .def_readwrite("weight_decay", &AdamSettings::weight_decay)
        .def_readwrite("decoupled", &AdamSettings::decoupled)
        .def_readwrite("eps_corrected", &AdamSettings::eps_corrected)
        .def_readwrite("beta1_power", &AdamSettings::beta1_power)
        .def_readwrite("beta2_power", &AdamSettings::beta2_power)
        .def_readonly("step", &AdamSettings::step)
        .def("set_step", &AdamSettings::set_step, py::arg("step"))
        .def("advance", &AdamSettings::advance);
    py::class_<SgdSettings, std::shared_ptr<SgdSettings>>(module, "SgdSettings")
        .def(py::init<>())
        .def_readwrite("lr", &SgdSettings::lr)
        .def_readwrite("momentum", &SgdSettings::momentum)
        .def_readwrite("dampening", &SgdSettings::dampening)
        .def_readwrite("weight_decay", &SgdSettings::weight_decay)
        .def_readwrite("nesterov", &SgdSettings::nesterov)
        .def_readwrite("first", &SgdSettings::first)
        .def_readonly("step", &SgdSettings::step)
        .def("set_step", &SgdSettings::set_step, py::arg("step"))
        .def("advance", &SgdSettings::advance);
    py::class_<RmspropSettings, std::shared_ptr<RmspropSettings>>(module, "RmspropSettings")
        .def(py::init<>())
        .def_readwrite("lr", &RmspropSettings::lr)
        .def_readwrite("alpha", &RmspropSettings::alpha)
        .def_readwrite("eps", &RmspropSettings::eps)
        .def_readwrite("weight_decay", &RmspropSettings::weight_decay)
        .def_readwrite("momentum", &RmspropSettings::momentum)
        .def_readwrite("eps_inside", &RmspropSettings::eps_inside)
        .def_readonly("step", &RmspropSettings::step)
        .def("set_step", &RmspropSettings::set_step, py::arg("step"))
        .def("advance", &RmspropSettings::advance);
    module.def("adam", &adam_arrays, py::arg("param"), py::arg("grad"), py::arg("m"), py::arg("v"),
               py::arg("settings"));
    module.def("sgd", &sgd_arrays, py::arg("param"), py::arg("grad"), py::arg("buffer"), py::arg("settings"));
    module.def("rmsprop", &rmsprop_arrays, py::arg("param"), py::arg("grad"), py::arg("square"), py::arg("buffer"),
               py::arg("settings"));
}

}  // namespace fastnn
