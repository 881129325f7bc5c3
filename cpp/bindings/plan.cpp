// The plan executor for python/fastnn/plan.py.
#include "plan/plan.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/functions.h"
#include "core/check.h"
#include "ops/dense.h"
#include "ops/zeros.h"
#include "plan/cost.h"
#include "plan/schedule.h"
#include "plan/zeros.h"

namespace fastnn {

namespace {

using Object = py::object;

DType dtype_named(const std::string& name) {
    for (const DType dtype : {DType::float32, DType::float64, DType::int64, DType::uint8, DType::boolean}) {
        if (name == dtype_name(dtype)) return dtype;
    }
    fail_type("plan", "no compiled plan works on ", name, ": float32, float64, int64, uint8 and bool are known");
}

// Copies elements that lie alike; false where they do not.
bool copied_alike(const TensorView& from, const TensorView& to) {
    if (from.panels || !from.dense() || !same_layout(from, to)) return false;
    std::memcpy(to.data, from.data, static_cast<std::size_t>(from.size() * item_size(from.dtype)));
    return true;
}

// A NumPy array of a view's memory, for a copy: it owns nothing.
py::array array_of(const TensorView& view) {
    std::vector<py::ssize_t> strides;
    for (int i = 0; i < view.rank; ++i) strides.push_back(view.stride[i] * item_size(view.dtype));
    const py::capsule owner(view.data, [](void*) {});
    return py::array(numpy_dtype(view.dtype), shape_of(view), strides, view.data, owner);
}

// A copy of an array into a view, or back; both of one shape and dtype.
void write_view(Plan& plan, int id, const Object& array_in) {
    const TensorView& view = plan.at(id);
    const Input array("plan", "array", array_in, Layout::any);
    check_dtype("plan", "array", array.view(), view.dtype);
    check_same_shape("plan", "array", array.view(), "the plan's view", view);
    plan.written(view);
    if (view.panels) {
        pack_weight(array.view(), view);
    } else if (!copied_alike(array.view(), view)) {
        array_of(view).attr("__setitem__")(py::ellipsis(), array.array());
    }
}

void read_view(const Plan& plan, int id, const Object& array_in) {
    const TensorView& view = plan.at(id);
    const TensorView array = in_place("plan", "array", array_in);
    check_dtype("plan", "array", array, view.dtype);
    check_same_shape("plan", "array", array, "the plan's view", view);
    if (view.panels) {
        unpack_weight(view, array);
    } else if (!copied_alike(view, array)) {
        array_in.attr("__setitem__")(py::ellipsis(), array_of(view));
    }
}

void clear_view(Plan& plan, int id) {
    const TensorView& view = plan.at(id);
    if (!view.panels) check_dense("plan", "the plan's view", view);
    plan.written(view);
    std::memset(view.data, 0, static_cast<std::size_t>(view.storage_size() * item_size(view.dtype)));
}

bool finite_view(const Plan& plan, int id) {
    const TensorView& view = plan.at(id);
    check_real("plan", "the plan's view", view);
    if (!view.panels) check_dense("plan", "the plan's view", view);
    return all_finite(view);
}

// Resident data and an order of rows, kept alive by the caller.
struct SourceArrays {
    Input images, targets, order, mean, std;
    bool has_targets, normalise;
    Augment augment;

    SourceArrays(const Object& images_in, const Object& targets_in, const Object& order_in, const Object& mean_in,
                 const Object& std_in, const std::string& augment_in, std::uint64_t seed, std::uint32_t epoch)
        : images("plan", "images", images_in, Layout::samples),
          targets("plan", "targets", targets_in.is_none() ? order_in : targets_in, Layout::contiguous),
          order("plan", "order", order_in, Layout::contiguous),
          mean("plan", "mean", mean_in.is_none() ? order_in : mean_in, Layout::contiguous),
          std("plan", "std", std_in.is_none() ? order_in : std_in, Layout::contiguous),
          has_targets(!targets_in.is_none()),
          normalise(!mean_in.is_none()),
          augment(augment_in.empty() ? Augment{} : augment_named(augment_in, seed, epoch)) {
        check_dtype("plan", "order", order.view(), DType::int64);
        check_rank("plan", "order", order.view(), 1);
    }

    Source source() const {
        return {images.view(),
                normalise ? &mean.view() : nullptr,
                normalise ? &std.view() : nullptr,
                has_targets ? &targets.view() : nullptr,
                order.view().as<std::int64_t>(),
                augment};
    }
};

std::int64_t run_source(Plan& plan, int program, const SourceArrays& arrays, std::int64_t first, std::int64_t steps,
                        double seconds, bool stop_at_nan, const Object& losses_in, const Object& outputs_in) {
    const Program& target = plan.program_at(program);
    if (target.input < 0) fail("plan", "a source was given, but program ", program, " has no input");
    const std::int64_t batch = plan.at(target.input).shape[0];
    if (first < 0 || steps < 0 || checked_product("plan", first + steps, batch) > arrays.order.view().size()) {
        fail("plan", "steps ", first, " to ", first + steps, " of ", batch, " samples reach past the order's ",
             arrays.order.view().size());
    }
    Source source = arrays.source();
    source.order += first * batch;
    // Losses get one value a step, outputs one batch of rows a step, both from step `first` of the arrays.
    const auto place = [&](const Object& array_in, const char* name, int view) -> void* {
        if (array_in.is_none()) return nullptr;
        const TensorView array = in_place("plan", name, array_in);
        if (view < 0) fail("plan", name, " were asked for, but program ", program, " has none");
        const TensorView& like = plan.at(view);
        check_dtype("plan", name, array, like.dtype);
        check_contiguous("plan", name, array);
        if ((first + steps) * like.size() > array.size()) {
            fail("plan", name, " is too small for the steps asked for: it has ", array.size(), " elements, ",
                 first + steps, " steps give ", (first + steps) * like.size());
        }
        return array.as<char>() + first * like.size() * item_size(like.dtype);
    };
    void* const losses = place(losses_in, "losses", target.loss);
    void* const outputs = place(outputs_in, "outputs", target.output);
    const py::gil_scoped_release released;
    return plan.run(program, &source, {steps, seconds, stop_at_nan}, losses, outputs);
}

constexpr std::int64_t many = 1000;  // steps in one call

// Of each phase the names of its instructions, in front of them how they are cut: "everywhere", each thread does all of
// it; "rows" or "features", a chain; "group", each by its own split.
std::vector<std::vector<std::string>> phases_of(Plan& plan, int number) {
    const Program& program = plan.scheduled(number, many);
    std::vector<std::vector<std::string>> result;
    for (const Phase& phase : program.phases) {
        std::vector<std::string>& names = result.emplace_back();
        std::string last;
        const auto add = [&](const char* kind, const std::vector<std::size_t>& members) {
            if (last != kind) names.emplace_back(kind);
            last = kind;
            for (const std::size_t i : members) names.push_back(program.instructions[i].name);
        };
        if (!phase.everywhere.empty()) add("everywhere", phase.everywhere);
        for (const Part& part : phase.parts) {
            const bool rows = part.cut == Part::Cut::rows, features = part.cut == Part::Cut::features;
            add(rows ? "rows" : features ? "features" : "group", part.members);
        }
    }
    return result;
}

// The threads that took part, and of each part of a step (name, detail, flops, bytes touched, thread-seconds, the
// model's thread-seconds: plan/cost.h); the last part is waiting at barriers.
py::tuple profile_of(Plan& plan, int number) {
    const Program& program = plan.scheduled(number, many);
    const std::size_t slots = program.instructions.size() + 1;
    const double steps = static_cast<double>(std::max<std::int64_t>(program.profile.steps, 1));
    py::list result;
    for (std::size_t i = 0; i < slots; ++i) {
        double seconds = 0, bytes = 0, flops = 0;
        for (std::size_t at = i; at < program.profile.seconds.size(); at += slots)
            seconds += program.profile.seconds[at];
        if (i + 1 < slots) {
            flops = program.instructions[i].flops;
            for (const Access& access : program.instructions[i].accesses) bytes += double(access.end - access.begin);
        }
        Instruction waiting;
        waiting.name = "waiting";
        const Instruction& instruction = i + 1 < slots ? program.instructions[i] : waiting;
        result.append(py::make_tuple(instruction.name, instruction.detail, flops, bytes, seconds / steps,
                                     seconds_of(instruction.operations)));
    }
    return py::make_tuple(program.profile.threads, result);
}

double step_seconds_of(Plan& plan, int number, int threads) {
    if (threads < 1) fail("plan", "a step by ", threads, " threads");
    const Program& program = plan.scheduled(number, many);
    return step_seconds(program.instructions, program.by_rows, threads, many);
}

int best_threads_of(Plan& plan, int number) { return plan.scheduled(number, many).threads; }

State state_of(const Object& object) {
    if (object.is_none()) return {};
    if (py::isinstance<DropoutDraw>(object)) return object.cast<std::shared_ptr<DropoutDraw>>();
    return settings_of(object);
}

std::vector<std::string> instructions_of(Plan& plan, int number) {
    std::vector<std::string> names;
    for (const auto& instruction : plan.program_at(number).instructions) names.push_back(instruction.name);
    return names;
}

// Columns of forward products times rows, and inputs of panels of weight gradients, that were left out so far.
py::tuple zeros_left_out(Plan& plan, int number) {
    std::int64_t forward = 0, gradients = 0;
    for (const Zeros& each : plan.program_at(number).zeros) {
        forward += each.left_out();
        gradients += each.gradients_left_out();
    }
    return py::make_tuple(forward, gradients);
}

void step_once(Plan& plan, int program) {
    const py::gil_scoped_release released;
    plan.run(program, nullptr, {}, nullptr, nullptr);
}

int plan_view(Plan& plan, int buffer, std::int64_t offset, const std::vector<std::int64_t>& shape,
              const std::vector<std::int64_t>& stride, const std::string& dtype, std::int64_t panel) {
    return plan.view(buffer, offset, shape, stride, dtype_named(dtype), panel);
}

void emit(Plan& plan, int program, const std::string& name, const std::vector<int>& inputs,
          const std::vector<int>& outputs, const Attributes& attributes, const Object& state) {
    plan.emit(program, name, inputs, outputs, attributes, state_of(state));
}

void bind_draw(py::module_& module) {
    py::class_<DropoutDraw, std::shared_ptr<DropoutDraw>> draw(module, "DropoutDraw");
    draw.def(py::init([](std::uint64_t seed, std::uint32_t call, std::uint32_t number) {
                 return std::make_shared<DropoutDraw>(DropoutDraw{seed, call, number});
             }),
             py::arg("seed"), py::arg("call"), py::arg("module"));
    def_field(draw, "seed", &DropoutDraw::seed);
    def_field(draw, "call", &DropoutDraw::call);
}

void bind_running(const py::handle& plan) {
    def(plan, "write", "self, view, array", write_view);
    def(plan, "read", "self, view, array", read_view);
    def(plan, "clear", "self, view", clear_view);
    def(plan, "finite", "self, view", finite_view);
    def(plan, "step", "self, program", step_once);
    def(plan, "run", "self, program, source, first, steps, seconds, stop_at_nan=False, losses=None, outputs=None",
        run_source);
    const Caller steps_run = [](const Function&, PyObject* const* arguments) -> py::object {
        return py::int_(value<Plan&>(arguments, 0).steps_run());
    };
    define_property(plan, "steps_run", steps_run, nullptr, nullptr);
}

void bind_telling(const py::handle& plan) {
    def(plan, "instructions", "self, program", instructions_of);
    def(plan, "phases", "self, program", phases_of);
    def(plan, "zeros_left_out", "self, program", zeros_left_out);
    def(plan, "step_seconds", "self, program, threads", step_seconds_of);
    def(plan, "best_threads", "self, program", best_threads_of);
    def(plan, "start_profile", "self, program, on", method<&Plan::start_profile>);
    def(plan, "profile", "self, program", profile_of);
}

}  // namespace

void bind_plan(py::module_& module) {
    bind_draw(module);
    py::class_<SourceArrays>(module, "Source")
        .def(py::init<const Object&, const Object&, const Object&, const Object&, const Object&, const std::string&,
                      std::uint64_t, std::uint32_t>(),
             py::arg("images"), py::arg("targets"), py::arg("order"), py::arg("mean") = py::none(),
             py::arg("std") = py::none(), py::arg("augment") = "", py::arg("seed") = 0, py::arg("epoch") = 0);
    py::class_<Plan> plan(module, "Plan");
    plan.def(py::init<>());
    def(plan, "buffer", "self, nbytes", method<&Plan::buffer>);
    def(plan, "view", "self, buffer, offset, shape, stride, dtype, panel=0", plan_view);
    def(plan, "program", "self", method<&Plan::program>);
    def(plan, "set_io", "self, program, input, target, loss, output", method<&Plan::set_io>);
    def(plan, "emit", "self, program, name, inputs, outputs, attributes, state=None", emit);
    bind_running(plan);
    bind_telling(plan);
    def(module, "instruction_names", "", instruction_names);
    def(module, "plan_row_blocks", "rows, pixels, row_bytes, threads", row_blocks);
}

}  // namespace fastnn
