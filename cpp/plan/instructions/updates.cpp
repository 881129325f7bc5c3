// Updates of parameters: plain ones, and those fused behind a gradient that never goes to memory (a dense layer's
// weight gradient goes tile by tile from the GEMM through L1 into the update).
//
// In: the gradient, or what it is made of. Out: the parameter, then its states in the order of the optimizer's slots (a
// missing one: not kept). State: the settings, which advance by one step before each run of the program; they are
// shared with Python, which may change the learning rate between calls.
#include <algorithm>

#include "core/check.h"
#include "kernels/dispatch.h"
#include "ops/dense.h"
#include "ops/weight_gradient.h"
#include "plan/instructions/updated.h"

namespace fastnn {

Updated updated(Call& call, const TensorView& grad) {
    Updated made{call.state_of<Settings>("settings"), {call.output(0), {}}};
    made.target.states.assign(call.out.begin() + 1, call.out.end());
    update_check(made.settings, made.target, grad);
    call.program.before_update.push_back(
        [settings = made.settings] { std::visit([](const auto& each) { each->advance(); }, settings); });
    return made;
}

Instruction make_update(const Call& call) {
    Instruction update = call.instruction();
    update.updates = true;
    update.tasks = true;
    return update;
}

namespace {

// A gradient in the memory layout of its parameter.
TensorView in_layout_of(Call& call, const TensorView& param) {
    if (!param.panels) return call.like(0, param);
    const TensorView grad = call.input(0);
    if (!same_shape(grad, param)) return grad;
    const TensorView packed = call.plan.temporary(grad, param.panels);
    Instruction pack;
    pack.name = "pack";
    pack.split = {1, 1};
    pack.tasks = true;
    pack.body = [grad, packed](Range, int) { pack_weight(grad, packed); };
    pack.reads(grad);
    pack.writes(packed);
    call.add(std::move(pack));
    return call.in[0] = packed;
}

void build_update(Call& call) {
    const TensorView grad = in_layout_of(call, call.output(0));
    const Updated made = updated(call, grad);
    Instruction instruction = make_update(call);
    instruction.operations = update_facts(made.settings).operations(made.target.param);
    instruction.split = {made.target.param.storage_size(), update_items};
    instruction.body = [=](Range part, int) { update(part, made.settings, made.target, grad); };
    call.add(std::move(instruction));
}

// With grad = dense_grad_bias(grad_y).
struct BiasUpdate {
    const Plan& plan;
    Updated updated;
    TensorView grad_y;

    void operator()(Range outputs, int thread) const {
        for (std::int64_t first = outputs.begin; first < outputs.end; first += update_items)
            update_some(first, std::min(update_items, outputs.end - first), thread);
    }

    void update_some(std::int64_t first, std::int64_t count, int thread) const {
        dispatch_real(grad_y.dtype, [&](auto zero) {
            using T = decltype(zero);
            T* const sums = static_cast<T*>(plan.scratch(thread));
            kernels<T>().column_sums(grad_y.shape[0], count, grad_y.as<T>() + first, grad_y.stride[0], sums);
            make_updater<T>(updated.settings, updated.target)(first, count, sums);
        });
    }
};

void build_bias_update(Call& call) {
    const TensorView grad_y = call.rows(0), bias = call.output(0);
    dense_grad_bias_check(grad_y, bias);
    const BiasUpdate update{call.plan, updated(call, bias), grad_y};
    call.plan.need_scratch(update_items * item_size(bias.dtype));
    Instruction instruction = make_update(call);
    instruction.operations = dense_grad_bias_facts.operations(grad_y);
    instruction.split = {bias.shape[0], update_items};
    instruction.body = update;
    FeatureCut cut{features_of(bias.shape[0], bias.dtype), update, {grad_y.data, bias.data}};
    for (const TensorView& state : update.updated.target.states) cut.owned.push_back(state.data);
    instruction.feature_cuts.push_back(std::move(cut));
    call.add(std::move(instruction));
}

Zeros* find_zeros(Program& program, const TensorView& x) {
    for (Zeros& each : program.zeros) {
        if (each.x().data == x.data && same_layout(each.x(), x)) return &each;
    }
    return nullptr;
}

// grad_y into panels and blocks of samples.
TensorView add_pack(Call& call, const TensorView& grad_y, WeightGradient& gradient) {
    const TensorView packed = bytes_of(call.plan, gradient.packed_bytes());
    gradient.set_packed(packed.data);
    Instruction pack;
    pack.name = "pack";
    pack.operations = static_cast<double>(grad_y.size());
    pack.rows = grad_y.shape[0];
    pack.row_body = [gradient](Range samples, int) { gradient.pack(samples, {0, gradient.panels()}); };
    pack.split = {pack.rows, 1};
    pack.body = pack.row_body;  // where rows are not the batch's
    const auto of_features = [gradient, samples = pack.rows](Range features, int) {
        gradient.pack({0, samples}, gradient.panels_of(features));
    };
    pack.feature_cuts.push_back({features_of(grad_y.shape[1], grad_y.dtype), of_features, {grad_y.data, packed.data}});
    pack.reads(grad_y);
    pack.writes(packed);
    call.add(std::move(pack));
    return packed;
}

// What is done with finished gradients while they are in L1, in one step.
template <typename T>
struct UpdateTail {
    Updater<T> update;
    const PanelLayout& panels;
    Derived* derived;

    void operator()(const GradientTile<T>& tile) const {
        const std::int64_t items = (tile.rows.end - tile.rows.begin) * panels.width;
        update(panels.place(tile.rows.begin, tile.panel * panels.width), items, tile.gradients);
        derived->follow<T>(tile.rows, tile.panel);
    }
};

// With grad = dense_grad_weight(grad_y, x), the parameter in panels.
struct DenseUpdate {
    const Plan& plan;
    const Program& program;
    WeightGradient gradient;
    TensorView x;
    Zeros* zeros;  // of x; null where nobody looks for them
    Updated updated;
    Derived* derived;

    void operator()(Range inputs, Range panels, int thread) const {
        const TensorView mine = program.batch.of(x, thread);
        const LiveColumns live = zeros != nullptr ? zeros->known(mine, thread) : LiveColumns{};
        dispatch_real(x.dtype, [&](auto zero) {
            using T = decltype(zero);
            const Target& target = updated.target;
            const UpdateTail<T> tail{make_updater<T>(updated.settings, target), target.param.panels, derived};
            const auto left_out = gradient.run(inputs, panels, mine, live, static_cast<T*>(plan.scratch(thread)), tail);
            if (zeros != nullptr) zeros->leave_out_gradients(left_out);
        });
    }
};

// What each output has a part of its own of, or each input: then weight and states are not told apart by their
// beginning.
void cut_update(Instruction& instruction, const DenseUpdate& update, const TensorView& grad_y,
                const TensorView& packed) {
    const TensorView& weight = update.updated.target.param;
    const PanelLayout& panels = weight.panels;
    FeatureCut outputs, inputs;
    outputs.features = {panels.out, panels.width};
    outputs.body = [update](Range features, int thread) {
        update({0, update.gradient.inputs()}, update.gradient.panels_of(features), thread);
    };
    outputs.owned = {grad_y.data, weight.data};
    if (packed.data != nullptr) outputs.owned.push_back(packed.data);
    for (const TensorView& state : update.updated.target.states) outputs.owned.push_back(state.data);
    inputs.features = features_of(panels.in, weight.dtype);
    inputs.body = [update](Range features, int thread) { update(features, {0, update.gradient.panels()}, thread); };
    inputs.owned = {update.x.data};
    const TensorView& transposed = update.derived->transposed();
    if (transposed.data != nullptr) inputs.owned.push_back(transposed.data);
    instruction.feature_cuts = {outputs, inputs};
}

void build_dense_update(Call& call) {
    const TensorView grad_y = call.rows(0), x = call.input(1), weight = call.output(0);
    if (!weight.panels) fail("plan", "a fused update needs a weight in panels, got ", layout_text(weight));
    dense_backward_check(grad_y, x, weight);
    Zeros* const zeros = find_zeros(call.program, x);
    Derived* const derived = call.plan.derived().of(weight);
    call.program.derived.keeps(derived);
    const Updated made = updated(call, weight);
    WeightGradient gradient(grad_y, x, weight.panels.width, zeros != nullptr);
    Instruction instruction = make_update(call);
    TensorView packed;
    if (gradient.packed_bytes() > 0) instruction.reads(packed = add_pack(call, grad_y, gradient));
    const DenseUpdate update{call.plan, call.program, gradient, x, zeros, made, derived};
    call.plan.need_scratch(gradient.scratch_bytes());
    if (derived->transposed().data != nullptr) instruction.writes(derived->transposed());
    const double product = product_cost(x.shape[0], weight.panels.out, weight.panels.in);
    instruction.batch = x.data;
    instruction.flops = 16 * product;
    instruction.operations = product + update_facts(made.settings).operations(weight);
    instruction.detail = text(weight.panels.in, "-", weight.panels.out);
    instruction.split = {gradient.tasks(), 1};
    instruction.body = [update](Range tasks, int thread) {
        for (std::int64_t task = tasks.begin; task < tasks.end; ++task)
            update(update.gradient.rows_of_task(task), update.gradient.panels_of_task(task), thread);
    };
    cut_update(instruction, update, grad_y, packed);
    call.add(std::move(instruction));
}

// Between backward and updates, over all gradients in one piece: where several machines would add up theirs. One
// machine has nothing to add.
void build_all_reduce(Call& call) {
    Instruction instruction = call.instruction();
    instruction.split = {1, 1};
    instruction.tasks = true;
    instruction.body = [](Range, int) {};
    call.add(std::move(instruction));
}

}  // namespace

void add_updates(Registry& registry) {
    registry["update"] = build_update;
    registry["bias_update"] = build_bias_update;
    registry["dense_update"] = build_dense_update;
    registry["all_reduce"] = build_all_reduce;
}

}  // namespace fastnn
