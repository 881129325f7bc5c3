// Optimizer updates of NumPy arrays, in place.
#include <pybind11/stl.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/functions.h"
#include "ops/update.h"

namespace fastnn {

namespace {

using Object = py::object;

void adam_arrays(const Object& param_in, const Object& grad_in, const Object& m_in, const Object& v_in,
                 const AdamSettings& settings) {
    const TensorView param = in_place("adam", "param", param_in), m = in_place("adam", "m", m_in),
                     v = in_place("adam", "v", v_in);
    const Input grad("adam", "grad", grad_in, Layout::any);
    settings.check();
    if (settings.step < 1) fail("adam", "step is ", settings.step, "; steps are counted from 1: set_step(1)");
    adam_check(param, grad.view(), m, v);
    check_apart("adam", {{"param", param, true}, {"grad", grad.view(), false}, {"m", m, true}, {"v", v, true}});
    run_op(adam_facts.operations(param),
           {{elements(param), [&](Range part) { adam(part, settings, param, grad.view(), m, v); }}});
}

void sgd_arrays(const Object& param_in, const Object& grad_in, const Object& buffer_in, const SgdSettings& settings) {
    const TensorView param = in_place("sgd", "param", param_in);
    const TensorView buffer = buffer_in.is_none() ? param : in_place("sgd", "momentum_buffer", buffer_in);
    const TensorView* buffer_view = buffer_in.is_none() ? nullptr : &buffer;
    const Input grad("sgd", "grad", grad_in, Layout::any);
    settings.check();
    sgd_check(param, grad.view(), buffer_view);
    std::vector<Use> uses{{"param", param, true}, {"grad", grad.view(), false}};
    if (buffer_view != nullptr) uses.push_back({"momentum_buffer", buffer, true});
    check_apart("sgd", uses);
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
    settings.check();
    rmsprop_check(param, grad.view(), square, buffer_view);
    std::vector<Use> uses{{"param", param, true}, {"grad", grad.view(), false}, {"square_avg", square, true}};
    if (buffer_view != nullptr) uses.push_back({"momentum_buffer", buffer, true});
    check_apart("rmsprop", uses);
    run_op(rmsprop_facts.operations(param),
           {{elements(param), [&](Range part) { rmsprop(part, settings, param, grad.view(), square, buffer_view); }}});
}

struct Update {
    Settings settings;
    Target target;
    Input grad;
    Object counted = {}, step = {};  // the dict that gets this number, if any
};

// One of the updates of a step, as Python gives it: settings, parameter, gradient, states, and the dict with the
// counter of steps, if there is one.
Update checked_update(const py::handle& given) {
    const py::tuple entry = py::isinstance<py::tuple>(given) ? py::reinterpret_borrow<py::tuple>(given) : py::tuple();
    if (entry.size() != 4 && entry.size() != 5)
        fail_type("update", "expected (settings, param, grad, states[, counted]), got ", entry.size(), " objects");
    const TensorView target = in_place("update", "param", entry[1]);
    Update update{settings_of(entry[0]), {target, {}}, Input("update", "grad", entry[2], target)};
    if (!py::isinstance<py::list>(entry[3])) fail_type("update", "expected a list of states");
    for (const py::handle state : py::list(entry[3]))
        update.target.states.push_back(in_place("update", "state", state));
    std::visit([](const auto& settings) { settings->check(); }, update.settings);
    update_check(update.settings, update.target, update.grad.view());
    if (entry.size() == 5) {
        update.counted = entry[4];
        if (!py::isinstance<py::dict>(update.counted)) fail_type("update", "expected a dict with the counter of steps");
        update.step =
            std::visit([](const auto& settings) { return Object(py::int_(settings->step)); }, update.settings);
    }
    return update;
}

// What an update reads and writes, behind the uses of others.
void add_uses(const Update& update, std::vector<Use>& uses) {
    uses.push_back({"param", update.target.param, true});
    uses.push_back({"grad", update.grad.view(), false});
    for (const TensorView& state : update.target.states) uses.push_back({"state", state, true});
}

void check_each_apart(const std::vector<Update>& updates) {
    for (const Update& each : updates) {
        std::vector<Use> uses;
        add_uses(each, uses);
        check_apart("update", uses);
    }
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

// A step of an optimizer in one region of threads; nothing is touched before all of it is checked. With the counters,
// since Python may be interrupted behind it, but not within.
void update_arrays(const py::list& given) {
    const py::tuple entries(given);  // kept, whoever changes the list
    std::vector<Update> updates;
    double operations = 0;
    Split all{0, 1};
    for (const py::handle entry : entries) {
        updates.push_back(checked_update(entry));
        const TensorView& param = updates.back().target.param;
        operations += update_facts(updates.back().settings).operations(param);
        all.units += elements(param).units;
    }
    std::vector<Use> uses;
    uses.reserve(4 * updates.size());
    for (const Update& each : updates) add_uses(each, uses);
    if (!apart(uses)) {
        check_each_apart(updates);
        operations = 0;  // parameters that share memory: on one thread, one after the other
    }
    const py::str counter("step");
    run_op(operations, {{all, [&](Range part) { update_part(part, updates); }}});
    for (const Update& each : updates) {
        if (each.step) each.counted[counter] = each.step;
    }
}

// A tuple's two objects, which it keeps.
std::pair<py::handle, py::handle> pair_of(const py::handle& object) {
    if (!PyTuple_Check(object.ptr()) || PyTuple_GET_SIZE(object.ptr()) != 2)
        fail_type("replace", "expected pairs of arrays and of dicts");
    return {PyTuple_GET_ITEM(object.ptr(), 0), PyTuple_GET_ITEM(object.ptr(), 1)};
}

// Values into arrays, then fields into dicts: all, or nothing where something does not fit.
void replace_all(const py::list& arrays, const py::list& fields) {
    std::vector<std::pair<TensorView, Input>> copies;
    std::vector<std::pair<py::handle, py::handle>> dicts;
    std::vector<Use> uses;
    copies.reserve(arrays.size());
    for (const py::handle pair : fields) {
        dicts.push_back(pair_of(pair));
        if (!PyDict_Check(dicts.back().first.ptr()) || !PyDict_Check(dicts.back().second.ptr()))
            fail_type("replace", "expected pairs of dicts");
    }
    for (const py::handle pair : arrays) {
        const auto [array, value] = pair_of(pair);
        const TensorView target = in_place("replace", "array", array);
        copies.emplace_back(target, Input("replace", "value", value, target));
        const auto& [to, from] = copies.back();
        check_dtype("replace", "value", from.view(), to.dtype);
        check_same_layout("replace", "array", to, "value", from.view());
        check_dense("replace", "array", to);
        uses.push_back({"array", to, true});
        uses.push_back({"value", from.view(), false});
    }
    check_apart("replace", uses);
    for (const auto& [to, from] : copies) {
        const std::size_t bytes = static_cast<std::size_t>(to.size() * item_size(to.dtype));
        if (bytes > 0) std::memcpy(to.data, from.view().data, bytes);
    }
    for (const auto& [dict, values] : dicts) {
        if (PyDict_Update(dict.ptr(), values.ptr()) != 0) throw py::error_already_set();
    }
}

}  // namespace

Settings settings_of(const py::handle& object) {
    if (py::isinstance<AdamSettings>(object)) return object.cast<std::shared_ptr<AdamSettings>>();
    if (py::isinstance<SgdSettings>(object)) return object.cast<std::shared_ptr<SgdSettings>>();
    if (py::isinstance<RmspropSettings>(object)) return object.cast<std::shared_ptr<RmspropSettings>>();
    throw py::type_error("[update] expected the settings of an optimizer, got " +
                         std::string(py::str(py::type::handle_of(object))));
}

// What the settings of all optimizers have.
template <typename Kind>
py::class_<Kind, std::shared_ptr<Kind>> settings_class(py::module_& module, const char* name) {
    py::class_<Kind, std::shared_ptr<Kind>> kind(module, name);
    kind.def(py::init<>());
    def_field(kind, "lr", &Kind::lr);
    def_field(kind, "weight_decay", &Kind::weight_decay);
    def_field(kind, "step", &Kind::step, false);
    def(kind, "set_step", "self, step", method<&Kind::set_step>);
    def(kind, "check", "self", method<&Kind::check>);
    def(kind, "advance", "self", method<&Kind::advance>);
    return kind;
}

void bind_updates(py::module_& module) {
    const auto adam = settings_class<AdamSettings>(module, "AdamSettings");
    def_field(adam, "beta1", &AdamSettings::beta1);
    def_field(adam, "beta2", &AdamSettings::beta2);
    def_field(adam, "eps", &AdamSettings::eps);
    def_field(adam, "decoupled", &AdamSettings::decoupled);
    def_field(adam, "eps_corrected", &AdamSettings::eps_corrected);
    def_field(adam, "beta1_power", &AdamSettings::beta1_power);
    def_field(adam, "beta2_power", &AdamSettings::beta2_power);
    const auto sgd = settings_class<SgdSettings>(module, "SgdSettings");
    def_field(sgd, "momentum", &SgdSettings::momentum);
    def_field(sgd, "dampening", &SgdSettings::dampening);
    def_field(sgd, "nesterov", &SgdSettings::nesterov);
    def_field(sgd, "first", &SgdSettings::first);
    const auto rmsprop = settings_class<RmspropSettings>(module, "RmspropSettings");
    def_field(rmsprop, "alpha", &RmspropSettings::alpha);
    def_field(rmsprop, "eps", &RmspropSettings::eps);
    def_field(rmsprop, "momentum", &RmspropSettings::momentum);
    def_field(rmsprop, "eps_inside", &RmspropSettings::eps_inside);
    def(module, "adam", "param, grad, m, v, settings", adam_arrays);
    def(module, "sgd", "param, grad, buffer, settings", sgd_arrays);
    def(module, "rmsprop", "param, grad, square, buffer, settings", rmsprop_arrays);
    def(module, "update", "updates", update_arrays);
    def(module, "replace", "arrays, fields", replace_all);
}

}  // namespace fastnn
