#include "plan/updates.h"

#include <algorithm>

#include "core/check.h"
#include "kernels/dispatch.h"
#include "ops/dense.h"
#include "ops/matmul.h"

namespace fastnn {

namespace {

// Rows of a weight panel that go through one update at a time: 56 x 32 floats are 7 KB of gradients and 21 KB of w, m
// and v, which fits the 32 KB of L1 that the smallest of today's cores have; 56 is four tiles of 14 rows, nine of 6 and
// two over.
constexpr std::int64_t update_rows = 56;

// One optimizer's kernel over `count` elements from `offset`, gradient at grad.
template <typename T>
struct Updater {
    const Settings& settings;
    T* param;
    T* states[2];

    void operator()(std::int64_t offset, std::int64_t count, const T* grad) const {
        T* const first = states[0] ? states[0] + offset : nullptr;
        T* const second = states[1] ? states[1] + offset : nullptr;
        if (const auto* adam = std::get_if<std::shared_ptr<AdamSettings>>(&settings)) {
            kernels<T>().adam(count, param + offset, grad, first, second, adam_scalars<T>(**adam));
        } else if (const auto* sgd = std::get_if<std::shared_ptr<SgdSettings>>(&settings)) {
            kernels<T>().sgd(count, param + offset, grad, first, sgd_scalars<T>(**sgd));
        } else {
            const auto& rmsprop = std::get<std::shared_ptr<RmspropSettings>>(settings);
            kernels<T>().rmsprop(count, param + offset, grad, first, second, rmsprop_scalars<T>(*rmsprop));
        }
    }
};

template <typename T>
Updater<T> make_updater(const Settings& settings, const TensorView& param, const std::vector<TensorView>& states) {
    return {settings,
            param.as<T>(),
            {!states.empty() ? states[0].as<T>() : nullptr, states.size() > 1 ? states[1].as<T>() : nullptr}};
}

struct Target {
    TensorView param;
    std::vector<TensorView> states;
};

Target checked_target(Plan& plan, const Settings& settings, int param, const TensorView& grad,
                      const std::vector<int>& states) {
    Target target{plan.at(param), {}};
    for (const int state : states) target.states.push_back(plan.at(state));
    const auto slot = [&](std::size_t i) { return i < target.states.size() ? &target.states[i] : nullptr; };
    if (std::holds_alternative<std::shared_ptr<AdamSettings>>(settings)) {
        if (states.size() != 2) fail("adam", "the plan gives ", states.size(), " state arrays, Adam has 2");
        adam_check(target.param, grad, target.states[0], target.states[1]);
    } else if (std::holds_alternative<std::shared_ptr<SgdSettings>>(settings)) {
        sgd_check(target.param, grad, slot(0));
    } else {
        if (states.empty()) fail("rmsprop", "the plan gives no square_avg");
        rmsprop_check(target.param, grad, target.states[0], slot(1));
    }
    return target;
}

void advance_before(Program& program, const Settings& settings) {
    program.before_step.push_back([settings] { std::visit([](const auto& each) { each->advance(); }, settings); });
}

// A gradient in the memory layout of its parameter.
TensorView in_layout_of(Plan& plan, Program& program, const TensorView& param, const TensorView& grad) {
    bool same = grad.panel == param.panel;
    for (int i = 0; i < param.rank; ++i) same = same && (param.shape[i] == 1 || grad.stride[i] == param.stride[i]);
    if (same || !same_shape(param, grad)) return grad;
    if (param.panel == 0) fail("plan", "a gradient does not have its parameter's memory layout");
    const TensorView packed = plan.temporary(grad, param.panel);
    program.instructions.push_back({"pack", [grad, packed](Team& team) {
                                        if (team.index() == 0) pack_weight(grad, packed);
                                    }});
    return packed;
}

}  // namespace

void emit_update(Plan& plan, int program, const Settings& settings, int param, int grad_id,
                 const std::vector<int>& states) {
    Program& target_program = plan.program_at(program);
    const TensorView grad = in_layout_of(plan, target_program, plan.at(param), plan.at(grad_id));
    const Target target = checked_target(plan, settings, param, grad, states);
    advance_before(target_program, settings);
    target_program.operations += static_cast<double>(target.param.size()) * 4;
    target_program.instructions.push_back({"update", [=](Team& team) {
                                               dispatch_real(target.param.dtype, [&](auto zero) {
                                                   using T = decltype(zero);
                                                   const Range mine =
                                                       team.share(target.param.storage_size(), cache_items<T>);
                                                   make_updater<T>(settings, target.param, target.states)(
                                                       mine.begin, mine.end - mine.begin, grad.as<T>() + mine.begin);
                                               });
                                           }});
}

namespace {

// This thread's part of grad = grad_y^T x, block by block through `scratch` into the update.
template <typename T>
void dense_update(Team& team, const Target& target, const TensorView& grad_y, const TensorView& x,
                  const Settings& settings, T* scratch) {
    const std::int64_t inputs = x.shape[1], outputs = grad_y.shape[1], width = kernels<T>().panel;
    const Updater<T> update = make_updater<T>(settings, target.param, target.states);
    GemmProblem<T> problem{
        inputs,  outputs, x.shape[0], x.as<T>(), x.stride[1], x.stride[0], {grad_y.as<T>(), grad_y.stride[0], width},
        scratch, width,   0};
    Range mine = team.share((outputs + width - 1) / width * inputs);
    while (mine.begin < mine.end) {
        const std::int64_t panel = mine.begin / inputs, row = mine.begin % inputs;
        const std::int64_t rows = std::min({update_rows, inputs - row, mine.end - mine.begin});
        problem.a = x.as<T>() + row * x.stride[1];
        gemm_part(problem, panel, {0, rows});
        update(mine.begin * width, rows * width, scratch);
        mine.begin += rows;
    }
}

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
    target_program.operations += static_cast<double>(weight.size()) * (static_cast<double>(x.shape[0]) / 8 + 4);
    // Each thread's scratch: the gradients of one block. Columns past the last output stay zero, so the padding stays
    // as it is.
    const std::int64_t block = update_rows * weight.panel * item_size(weight.dtype);
    plan.need_thread_workspace(block);
    target_program.instructions.push_back(
        {"dense_update", [=, &plan](Team& team) {
             dispatch_real(weight.dtype, [&](auto zero) {
                 using T = decltype(zero);
                 char* const scratch = static_cast<char*>(plan.workspace()) + team.index() * block;
                 std::fill_n(reinterpret_cast<T*>(scratch), update_rows * weight.panel, T(0));
                 dense_update<T>(team, target, grad_y, x, settings, reinterpret_cast<T*>(scratch));
             });
         }});
}

void emit_dropout(Plan& plan, int program, const std::shared_ptr<DropoutDraw>& draw, double p, int x_id, int y_id,
                  int mask_id) {
    const TensorView x = plan.at(x_id), y = plan.at(y_id), mask = plan.at(mask_id);
    dropout_check(x, p, mask, y);
    Program& target = plan.program_at(program);
    const std::uint32_t earlier = target.draws[draw.get()]++;  // uses of the same module in this step: each is a call
    target.after_step.push_back([draw] { ++draw->call; });
    target.operations += static_cast<double>(x.size()) * 12;
    target.instructions.push_back({"dropout", [=](Team& team) {
                                       const DropoutDraw mine{draw->seed, draw->call + earlier, draw->module};
                                       dropout(team, x, p, mine, mask, y);
                                   }});
}

}  // namespace fastnn
