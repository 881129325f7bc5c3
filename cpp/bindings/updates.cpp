// Optimizer updates of NumPy arrays, in place.
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "ops/update.h"

namespace fastnn {

namespace {

using Object = py::object;

void adam_arrays(const Object& param_in, const Object& grad_in, const Object& m_in, const Object& v_in,
                 const AdamSettings& settings) {
    const TensorView param = in_place("adam", "param", param_in), m = in_place("adam", "m", m_in),
                     v = in_place("adam", "v", v_in);
    const Input grad("adam", "grad", grad_in, Layout::any);
    adam_check(param, grad.view(), m, v);
    run_op(adam_facts.operations(param),
           {{elements(param), [&](Range part) { adam(part, settings, param, grad.view(), m, v); }}});
}

void sgd_arrays(const Object& param_in, const Object& grad_in, const Object& buffer_in, const SgdSettings& settings) {
    const TensorView param = in_place("sgd", "param", param_in);
    const TensorView buffer = buffer_in.is_none() ? param : in_place("sgd", "momentum_buffer", buffer_in);
    const TensorView* buffer_view = buffer_in.is_none() ? nullptr : &buffer;
    const Input grad("sgd", "grad", grad_in, Layout::any);
    sgd_check(param, grad.view(), buffer_view);
    run_op(sgd_facts.operations(param),
           {{elements(param), [&](Range part) { sgd(part, settings, param, grad.view(), buffer_view); }}});
}

void rmsprop_arrays(const Object& param_in, const Object& grad_in, const Object& square_in, const Object& buffer_in,
                    const RmspropSettings& settings) {
    const TensorView param = in_place("rmsprop", "param", param_in),
                     square = in_place("rmsprop", "square_avg", square_in);
    const TensorView buffer = buffer_in.is_none() ? param : in_place("rmsprop", "momentum_buffer", buffer_in);
    const TensorView* buffer_view = buffer_in.is_none() ? nullptr : &buffer;
    const Input grad("rmsprop", "grad", grad_in, Layout::any);
    rmsprop_check(param, grad.view(), square, buffer_view);
    run_op(rmsprop_facts.operations(param),
           {{elements(param), [&](Range part) { rmsprop(part, settings, param, grad.view(), square, buffer_view); }}});
}

// One of the updates of a step, as Python gives it: settings, parameter, gradient, states.
using Entry = std::tuple<Object, Object, Object, std::vector<Object>>;

struct Update {
    Settings settings;
    Target target;
    Input grad;
};

Update checked_update(const Entry& entry) {
    const auto& [settings, param, grad, states] = entry;
    const TensorView target = in_place("update", "param", param);
    Update update{settings_of(settings), {target, {}}, Input("update", "grad", grad, target)};
    for (const Object& state : states) update.target.states.push_back(in_place("update", "state", state));
    update_check(update.settings, update.target, update.grad.view());
    return update;
}

// A part of all updates, whose elements are in one row.
void update_part(Range part, const std::vector<Update>& updates) {
    for (const Update& each : updates) {
        const std::int64_t items = elements(each.target.param).units;
        const Range mine{std::max<std::int64_t>(part.begin, 0), std::min(part.end, items)};
        if (mine.begin < mine.end) update(mine, each.settings, each.target, each.grad.view());
        part = {part.begin - items, part.end - items};
    }
}

// A step of an optimizer in one region of threads; nothing is touched before all of it is checked.
void update_arrays(const std::vector<Entry>& entries) {
    std::vector<Update> updates;
    double operations = 0;
    Split all{0, 1};
    for (const Entry& entry : entries) {
        updates.push_back(checked_update(entry));
        const TensorView& param = updates.back().target.param;
        operations += update_facts(updates.back().settings).operations(param);
        all.units += elements(param).units;
    }
    run_op(operations, {{all, [&](Range part) { update_part(part, updates); }}});
}

}  // namespace

Settings settings_of(const py::handle& object) {
    if (py::isinstance<AdamSettings>(object)) return object.cast<std::shared_ptr<AdamSettings>>();
    if (py::isinstance<SgdSettings>(object)) return object.cast<std::shared_ptr<SgdSettings>>();
    if (py::isinstance<RmspropSettings>(object)) return object.cast<std::shared_ptr<RmspropSettings>>();
    throw py::type_error("[update] expected the settings of an optimizer, got " +
                         std::string(py::str(py::type::handle_of(object))));
}

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
    module.def("update", &update_arrays, py::arg("updates"));
}

}  // namespace fastnn
