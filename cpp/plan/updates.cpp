#include "plan/updates.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "kernels/dispatch.h"
#include "ops/dense.h"
#include "plan/weight_gradient.h"

namespace fastnn {

namespace {

// A task of a plain update: elements, 16 KB of each array.
constexpr std::int64_t update_items = 4096;

Target checked_target(Plan& plan, const Settings& settings, int param, const TensorView& grad,
                      const std::vector<int>& states) {
    Target target{plan.at(param), {}};
    for (const int state : states) target.states.push_back(plan.at(state));
    update_check(settings, target, grad);
    return target;
}

void advance_before(Program& program, const Settings& settings) {
    program.before_update.push_back([settings] { std::visit([](const auto& each) { each->advance(); }, settings); });
}

// A gradient in the memory layout of its parameter.
TensorView in_layout_of(Plan& plan, Program& program, const TensorView& param, const TensorView& grad) {
    bool same = grad.panel == param.panel;
    for (int i = 0; i < param.rank; ++i) same = same && (param.shape[i] == 1 || grad.stride[i] == param.stride[i]);
    if (same || !same_shape(param, grad)) return grad;
    if (param.panel == 0) fail("plan", "a gradient does not have its parameter's memory layout");
    const TensorView packed = plan.temporary(grad, param.panel);
    Instruction pack{"pack"};
    pack.tasks = 1;
    pack.task_body = [grad, packed](std::int64_t, int) { pack_weight(grad, packed); };
    pack.accesses = {access_of(grad, false), access_of(packed, true)};
    program.instructions.push_back(std::move(pack));
    return packed;
}

// An update of target from what it reads, without its tasks.
Instruction make_update(const char* name, const Target& target, const std::vector<TensorView>& reads) {
    Instruction update{name};
    update.updates = true;
    for (const TensorView& view : reads) update.accesses.push_back(access_of(view, false));
    update.accesses.push_back(access_of(target.param, true));
    for (const TensorView& state : target.states) update.accesses.push_back(access_of(state, true));
    return update;
}

// Calls f(first element, count) for task number `task`.
template <typename F>
void some_items(std::int64_t task, std::int64_t items, F f) {
    f(task * update_items, std::min(update_items, items - task * update_items));
}

}  // namespace

void emit_update(Plan& plan, int program, const Settings& settings, int param, int grad_id,
                 const std::vector<int>& states) {
    Program& target_program = plan.program_at(program);
    const TensorView grad = in_layout_of(plan, target_program, plan.at(param), plan.at(grad_id));
    const Target target = checked_target(plan, settings, param, grad, states);
    advance_before(target_program, settings);
    Instruction update = make_update("update", target, {grad});
    update.operations = static_cast<double>(target.param.size()) * update_cost;
    const std::int64_t items = target.param.storage_size();
    update.tasks = blocks_of(items, update_items);
    update.task_body = [=](std::int64_t task, int) {
        dispatch_real(target.param.dtype, [&](auto zero) {
            using T = decltype(zero);
            some_items(task, items, [&](std::int64_t first, std::int64_t count) {
                make_updater<T>(settings, target)(first, count, grad.as<T>() + first);
            });
        });
    };
    target_program.instructions.push_back(std::move(update));
}

void emit_bias_update(Plan& plan, int program, const Settings& settings, int param, int grad_y_id,
                      const std::vector<int>& states) {
    const TensorView grad_y = plan.at(grad_y_id), bias = plan.at(param);
    check_rank("plan", "grad_y", grad_y, 2);
    if (bias.rank != 1 || bias.shape[0] != grad_y.shape[1] || grad_y.stride[1] != 1 || bias.dtype != grad_y.dtype)
        fail("plan", "the gradient ", shape_text(grad_y), " does not fit the bias ", shape_text(bias));
    const Target target = checked_target(plan, settings, param, bias, states);
    Program& target_program = plan.program_at(program);
    advance_before(target_program, settings);
    plan.need_scratch(update_items * item_size(bias.dtype));
    Instruction update = make_update("bias_update", target, {grad_y});
    update.operations = static_cast<double>(grad_y.size());
    const std::int64_t outputs = bias.shape[0];
    update.tasks = blocks_of(outputs, update_items);
    update.task_body = [=, &plan](std::int64_t task, int thread) {
        dispatch_real(bias.dtype, [&](auto zero) {
            using T = decltype(zero);
            TensorView columns = grad_y, total = bias;
            some_items(task, outputs, [&](std::int64_t first, std::int64_t count) {
                columns.data = grad_y.as<T>() + first;
                columns.shape[1] = total.shape[0] = count;
                total.data = plan.scratch(thread);
                Team alone;
                dense_grad_bias(alone, columns, total);
                make_updater<T>(settings, target)(first, count, total.as<T>());
            });
        });
    };
    target_program.instructions.push_back(std::move(update));
}

namespace {

Zeros* find_zeros(Program& program, const TensorView& x) {
    for (Zeros& each : program.zeros) {
        const TensorView& other = each.x();
        if (other.data == x.data && same_shape(other, x) && other.stride == x.stride) return &each;
    }
    return nullptr;
}

// grad_y of a large batch into blocks of samples, row by row.
TensorView emit_pack(Plan& plan, Program& program, const TensorView& grad_y, WeightGradient& gradient) {
    TensorView bytes;
    bytes.dtype = DType::uint8;
    bytes.rank = 1;
    bytes.shape[0] = gradient.packed_bytes();
    bytes.stride[0] = 1;
    const TensorView packed = plan.temporary(bytes);
    gradient.set_packed(packed.data);
    Instruction pack{"pack"};
    pack.rows = grad_y.shape[0];
    pack.operations = static_cast<double>(grad_y.size());
    const std::int64_t rows = pack.rows;
    pack.body = [gradient, rows](Team& team) { gradient.pack(team.share(rows)); };  // where rows are not the batch's
    pack.row_body = [gradient](Range some, int) { gradient.pack(some); };
    pack.accesses = {access_of(grad_y, false), access_of(packed, true)};
    program.instructions.push_back(std::move(pack));
    return packed;
}

// The tail of a fused update: what is done with finished gradients while they are in L1.
struct DenseUpdate {
    Target target;
    Settings settings;
    Derived* derived;

    template <typename T>
    void operator()(const GradientTile<T>& tile) const {
        const std::int64_t width = target.param.panel, items = (tile.rows.end - tile.rows.begin) * width;
        const std::int64_t column = tile.panel * width;
        const std::int64_t first = (tile.panel * target.param.shape[1] + tile.rows.begin) * width;
        make_updater<T>(settings, target)(first, items, tile.gradients);
        if (!kernels<T>().finite(items, target.param.as<T>() + first)) derived->finite = false;
        if (derived->transposed.data == nullptr) return;
        const std::int64_t end = std::min(column + width, target.param.shape[0]);
        transpose_panels(target.param, derived->transposed, tile.rows, {column, end});
    }
};

}  // namespace

void emit_dense_update(Plan& plan, int program, const Settings& settings, int param, int grad_y_id, int x_id,
                       const std::vector<int>& states) {
    const TensorView grad_y = plan.at(grad_y_id), x = plan.at(x_id), weight = plan.at(param);
    if (weight.panel == 0) fail("plan", "a fused update needs a weight in panels");
    if (grad_y.stride[1] != 1) fail("plan", "a fused update needs rows of gradients");
    dense_backward_check(grad_y, x, weight);
    const Target target = checked_target(plan, settings, param, weight, states);
    Program& target_program = plan.program_at(program);
    advance_before(target_program, settings);
    const double batch = static_cast<double>(x.shape[0]), items = static_cast<double>(weight.size());
    Derived* const derived = plan.derived(weight);
    WeightGradient gradient(grad_y, x, weight.panel, find_zeros(target_program, x));
    std::vector<TensorView> reads{grad_y, x};
    if (gradient.packed_bytes() > 0) reads.push_back(emit_pack(plan, target_program, grad_y, gradient));
    const DenseUpdate dense{target, settings, derived};
    plan.need_scratch(gradient.scratch_bytes());
    Instruction update = make_update("dense_update", target, reads);
    if (derived->transposed.data != nullptr) update.accesses.push_back(access_of(derived->transposed, true));
    target_program.keeps_derived.push_back(derived);
    update.flops = 2 * batch * items;
    update.operations = items * (batch / 8 + update_cost);
    update.detail = text(weight.shape[1], "-", weight.shape[0]);
    update.tasks = gradient.tasks();
    update.task_body = [=, &plan](std::int64_t task, int thread) {
        dispatch_real(weight.dtype, [&](auto zero) {
            gradient.run(task, static_cast<decltype(zero)*>(plan.scratch(thread)), dense);
        });
    };
    target_program.instructions.push_back(std::move(update));
}

void emit_dropout(Plan& plan, int program, const std::shared_ptr<DropoutDraw>& draw, double p, int x_id, int y_id,
                  int mask_id) {
    const TensorView x = plan.at(x_id), y = plan.at(y_id), mask = plan.at(mask_id);
    dropout_check(x, p, mask, y);
    Program& target = plan.program_at(program);
    const std::uint32_t earlier = target.draws[draw.get()]++;  // uses of the same module in this step: each is a call
    target.after_step.push_back([draw] { ++draw->call; });
    const auto run = [=](Team& team, Range rows) {
        const std::int64_t count = rows.end - rows.begin,
                           first = rows.begin * (x.shape[0] == 0 ? 0 : x.size() / x.shape[0]);
        const DropoutDraw mine{draw->seed, draw->call + earlier, draw->module};
        dropout(team, x.rows(rows.begin, count), p, mine, mask.rows(rows.begin, count), y.rows(rows.begin, count),
                first);
    };
    Instruction instruction{"dropout"};
    instruction.operations = static_cast<double>(x.size()) * 12;
    instruction.body = [=](Team& team) {
        const DropoutDraw mine{draw->seed, draw->call + earlier, draw->module};
        dropout(team, x, p, mine, mask, y);
    };
    if (x.rank > 1) {
        instruction.rows = x.shape[0];
        instruction.row_body = [run](Range rows, int) {
            Team alone;
            run(alone, rows);
        };
    }
    instruction.accesses = {access_of(x, false), access_of(mask, true), access_of(y, true)};
    target.instructions.push_back(std::move(instruction));
}

}  // namespace fastnn
