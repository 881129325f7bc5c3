// The registry of ops that plans run: name -> builder. A builder checks its views once; the body it returns runs every
// step, and so does its row body on some rows where the op works row by row. An op that needs contiguous memory gets a
// copy of a view that is not: contiguous() makes the copy part of its body.
#include <algorithm>
#include <initializer_list>
#include <limits>
#include <utility>

#include "core/check.h"
#include "kernels/dispatch.h"
#include "ops/arithmetic.h"
#include "ops/bce.h"
#include "ops/cross_entropy.h"
#include "ops/dense.h"
#include "ops/exp.h"
#include "ops/gather.h"
#include "ops/log.h"
#include "ops/loss.h"
#include "ops/matmul.h"
#include "ops/mse.h"
#include "ops/pow.h"
#include "ops/reduce.h"
#include "ops/relu.h"
#include "ops/sigmoid.h"
#include "ops/softmax.h"
#include "ops/tanh.h"
#include "plan/plan.h"

namespace fastnn {

double Call::attribute(const char* name) const {
    const auto found = attributes.find(name);
    if (found == attributes.end()) fail(op, "the plan gives no ", name);
    return found->second;
}

const TensorView& Call::input(std::size_t i) const {
    if (i >= in.size()) fail(op, "the plan gives ", in.size(), " inputs, number ", i, " is missing");
    return in[i];
}

const TensorView& Call::output(std::size_t i) const {
    if (i >= out.size()) fail(op, "the plan gives ", out.size(), " outputs, number ", i, " is missing");
    return out[i];
}

namespace {

constexpr double transcendental = 12;  // elementary operations of one exp, as in bindings/ops.cpp

double items(const TensorView& view) { return static_cast<double>(view.size()); }

// Whether some rows of each view are a smaller problem of the same kind.
bool in_rows(std::initializer_list<const TensorView*> views) {
    for (const TensorView* view : views) {
        if (view->rank < 2 || view->panel != 0 || view->shape[0] != (*views.begin())->shape[0]) return false;
    }
    return true;
}

// Runs body(team, rows of each view ...) by one thread, for the rows [begin, end).
template <typename F, typename First, typename... Views>
RowBody by_rows(F body, First first, Views... views) {
    return [=](Range rows, int) {
        Team alone;
        if (rows.end - rows.begin == first.shape[0]) return body(alone, first, views...);  // a small batch, as it is
        body(alone, first.rows(rows.begin, rows.end - rows.begin), views.rows(rows.begin, rows.end - rows.begin)...);
    };
}

// Puts a copy into contiguous memory before `body` where a view is not contiguous. Call for each such input, then wrap.
class Contiguous {
public:
    explicit Contiguous(Call& call) : call_(call) {}

    TensorView operator()(std::size_t i) {
        const TensorView& view = call_.input(i);
        if (view.contiguous()) return view;
        const TensorView dense = call_.plan.temporary(view);
        if (view.panel != 0) {
            copies_.push_back([view, dense](Team& team) {
                if (team.index() == 0) unpack_weight(view, dense);
            });
        } else {
            copies_.push_back([view, dense](Team& team) { copy(team, view, dense); });
        }
        return dense;
    }

    bool copies() const { return !copies_.empty(); }

    Body wrap(Body body) const {
        if (copies_.empty()) return body;
        return [copies = copies_, body = std::move(body)](Team& team) {
            for (const Body& each : copies) each(team);
            team.barrier();
            body(team);
        };
    }

private:
    Call& call_;
    std::vector<Body> copies_;
};

// -- dense layers -----------------------------------------------------------------------------------------------------

// A product of a weight and so many rows: its flops, and its cost in elementary operations.
void set_product(Call& call, const TensorView& weight, const TensorView& batch) {
    const double multiplications = items(weight) * static_cast<double>(batch.shape[0]);
    call.flops = 2 * multiplications;
    call.detail = text(weight.shape[1], "-", weight.shape[0]);
    call.operations = multiplications / 8;
}

// Looking costs about an operation for each element of x, the product one for each of its outputs.
bool looks_for_zeros(const TensorView& x, const TensorView& weight) {
    constexpr std::int64_t outputs = 64;  // then looking costs 2 % of the product
    return x.stride[1] == 1 && weight.shape[0] >= outputs && weight.shape[1] < std::numeric_limits<std::int32_t>::max();
}

// The forward product of some rows, columns that are zero in all of them left out.
RowBody without_zeros(Call& call, const TensorView& x, const TensorView& weight, bool has_bias, const TensorView& bias,
                      bool relu, const TensorView& y) {
    Derived* const derived = call.plan.derived(weight);
    call.program.reads_derived.push_back(derived);
    Zeros* const zeros = &call.program.zeros.emplace_back(x);
    call.plan.need_scratch(live_columns_room(x) * static_cast<std::int64_t>(sizeof(std::int32_t)));
    return [=, &plan = call.plan](Range rows, int thread) {
        Team alone;
        const std::int64_t count = rows.end - rows.begin;
        LiveColumns columns{};
        if (derived->fresh && derived->finite && zeros->wanted())
            columns = zeros->find(rows, static_cast<std::int32_t*>(plan.scratch(thread)));
        dense_forward(alone, x.rows(rows.begin, count), weight, has_bias ? &bias : nullptr, relu,
                      y.rows(rows.begin, count), nullptr, columns);
    };
}

Body build_dense_forward(Call& call) {
    const TensorView x = call.input(0), weight = call.input(1), y = call.output(0);
    const bool has_bias = call.in.size() > 2, relu = call.attribute("relu") != 0;
    const TensorView bias = has_bias ? call.input(2) : TensorView();
    dense_check(x, weight, has_bias ? &bias : nullptr, y);
    call.plan.need_workspace(dense_forward_workspace(weight));
    call.uses_workspace = weight.panel == 0;
    set_product(call, weight, x);
    const auto forward = [=, &plan = call.plan](Team& team, const TensorView& in, const TensorView& out) {
        dense_forward(team, in, weight, has_bias ? &bias : nullptr, relu, out, plan.workspace());
    };
    if (weight.panel != 0) {
        call.row_body = looks_for_zeros(x, weight) ? without_zeros(call, x, weight, has_bias, bias, relu, y)
                                                   : by_rows(forward, x, y);
    }
    return [=](Team& team) { forward(team, x, y); };
}

Body build_dense_grad_x(Call& call) {
    const TensorView grad_y = call.input(0), weight = call.input(1), grad_x = call.output(0);
    dense_backward_check(grad_y, grad_x, weight);
    set_product(call, weight, grad_y);
    if (weight.panel != 0) {
        Derived* const kept = call.plan.with_transposed(weight);
        call.program.reads_derived.push_back(kept);
        auto& turned = call.program.reads_transposed;
        if (std::find(turned.begin(), turned.end(), kept) == turned.end()) turned.push_back(kept);
        call.in.push_back(kept->transposed);
        const auto forward = [kept](Team& team, const TensorView& in, const TensorView& out) {
            dense_forward(team, in, kept->transposed, nullptr, false, out, nullptr);
        };
        call.row_body = by_rows(forward, grad_y, grad_x);
        return [=](Team& team) { forward(team, grad_y, grad_x); };
    }
    call.plan.need_workspace(dense_grad_x_workspace(weight));
    call.uses_workspace = true;
    return [=, &plan = call.plan](Team& team) { dense_grad_x(team, grad_y, weight, grad_x, plan.workspace()); };
}

Body build_dense_grad_weight(Call& call) {
    const TensorView grad_y = call.input(0), x = call.input(1), grad_weight = call.output(0);
    dense_backward_check(grad_y, x, grad_weight);
    call.plan.need_workspace(dense_grad_weight_workspace(grad_y, x, grad_weight));
    call.uses_workspace = true;
    set_product(call, grad_weight, x);
    return [=, &plan = call.plan](Team& team) { dense_grad_weight(team, grad_y, x, grad_weight, plan.workspace()); };
}

Body build_dense_grad_bias(Call& call) {
    Contiguous contiguous(call);
    const TensorView grad_y = contiguous(0), grad_bias = call.output(0);
    check_rank(call.op, "grad_y", grad_y, 2);
    if (grad_bias.rank != 1 || grad_bias.shape[0] != grad_y.shape[1]) fail(call.op, "grad_bias does not fit grad_y");
    call.operations = items(grad_y);
    return contiguous.wrap([=](Team& team) { dense_grad_bias(team, grad_y, grad_bias); });
}

Body build_matmul(Call& call) {
    Contiguous contiguous(call);
    const TensorView a = call.input(0).panel ? contiguous(0) : call.input(0);
    const TensorView b = call.input(1).panel ? contiguous(1) : call.input(1);
    const TensorView c = call.output(0);
    matmul_check(a, b, c);
    call.plan.need_workspace(matmul_workspace(b));
    call.uses_workspace = true;
    call.flops = 2 * items(c) * static_cast<double>(a.shape[a.rank - 1]);
    call.operations = call.flops / 16;
    return contiguous.wrap([=, &plan = call.plan](Team& team) { matmul(team, a, b, c, plan.workspace()); });
}

// -- elementwise ------------------------------------------------------------------------------------------------------

template <auto check, auto body, int cost>
Body build_map(Call& call) {
    Contiguous contiguous(call);
    const TensorView x = contiguous(0), y = call.output(0);
    check(x, y);
    call.operations = items(x) * cost;
    if (!contiguous.copies() && in_rows({&x, &y})) call.row_body = by_rows(body, x, y);
    return contiguous.wrap([=](Team& team) { body(team, x, y); });
}

template <auto check, auto body, int cost>
Body build_map_backward(Call& call) {
    Contiguous contiguous(call);
    const TensorView grad_y = contiguous(0), saved = contiguous(1), grad_x = call.output(0);
    check(grad_y, saved, grad_x);
    call.operations = items(grad_y) * cost;
    if (!contiguous.copies() && in_rows({&grad_y, &saved, &grad_x}))
        call.row_body = by_rows(body, grad_y, saved, grad_x);
    return contiguous.wrap([=](Team& team) { body(team, grad_y, saved, grad_x); });
}

template <Arithmetic operation>
Body build_arithmetic(Call& call) {
    Contiguous contiguous(call);
    const TensorView a = call.input(0).panel ? contiguous(0) : call.input(0);
    const TensorView b = call.input(1).panel ? contiguous(1) : call.input(1);
    const TensorView y = call.output(0);
    arithmetic_check(a, b, y);
    call.operations = items(y);
    const auto apply = [](Team& team, const TensorView& p, const TensorView& q, const TensorView& out) {
        arithmetic(team, operation, p, q, out);
    };
    if (!contiguous.copies() && in_rows({&a, &b, &y})) call.row_body = by_rows(apply, a, b, y);
    return contiguous.wrap([=](Team& team) { apply(team, a, b, y); });
}

Body build_copy(Call& call) {
    Contiguous contiguous(call);
    const TensorView x = call.input(0).panel ? contiguous(0) : call.input(0), y = call.output(0);
    copy_check(x, y);
    call.operations = items(y);
    return contiguous.wrap([=](Team& team) { copy(team, x, y); });
}

// A panel weight into strided memory of any layout.
Body build_unpack(Call& call) {
    const TensorView panels = call.input(0), weight = call.output(0);
    check_same_shape(call.op, "the weight", panels, "the result", weight);
    if (panels.panel == 0 || weight.panel != 0) fail(call.op, "the input must be in panels and the result strided");
    return [=](Team& team) {
        if (team.index() == 0) unpack_weight(panels, weight);
    };
}

Body build_pow(Call& call) {
    Contiguous contiguous(call);
    const TensorView x = contiguous(0), y = call.output(0);
    const double exponent = call.attribute("exponent");
    pow_check(x, y);
    call.operations = items(x) * transcendental;
    return contiguous.wrap([=](Team& team) { pow(team, x, exponent, y); });
}

Body build_pow_backward(Call& call) {
    Contiguous contiguous(call);
    const TensorView grad_y = contiguous(0), x = contiguous(1), grad_x = call.output(0);
    const double exponent = call.attribute("exponent");
    pow_backward_check(grad_y, x, grad_x);
    call.operations = items(x) * transcendental;
    return contiguous.wrap([=](Team& team) { pow_backward(team, grad_y, x, exponent, grad_x); });
}

// -- losses -----------------------------------------------------------------------------------------------------------

// The mean or sum of the per-sample losses, as an instruction of its own behind them.
void add_total(Call& call, const TensorView& losses, double scale, const TensorView& total) {
    call.out.erase(call.out.begin());  // the total is not written by the loss itself
    Instruction reduce{"loss"};
    reduce.tasks = 1;
    reduce.task_body = [=](std::int64_t, int) {
        Team alone;
        reduce_loss(alone, losses, scale, total);
    };
    reduce.accesses = {access_of(losses, false), access_of(total, true)};
    call.after.push_back(std::move(reduce));
}

Body build_cross_entropy(Call& call) {
    Contiguous contiguous(call);
    const TensorView logits = contiguous(0), labels = call.input(1);
    const TensorView total = call.output(0), losses = call.output(1), grad = call.output(2);
    cross_entropy_check(logits, labels, losses, grad);
    const double scale = call.attribute("mean") != 0 ? 1.0 / static_cast<double>(logits.shape[0]) : 1.0;
    call.operations = items(logits) * transcendental;
    const auto run = [=](Team& team, Range rows) {  // nothing has been updated yet when a wrong label is found
        const std::int64_t count = rows.end - rows.begin;
        const TensorView some = labels.rows(rows.begin, count);
        check_labels("cross_entropy", some.as<std::int64_t>(), count, logits.shape[1], rows.begin);
        cross_entropy(team, logits.rows(rows.begin, count), some, scale, losses.rows(rows.begin, count),
                      grad.rows(rows.begin, count));
    };
    if (!contiguous.copies()) {
        call.row_body = [run](Range rows, int) {
            Team alone;
            run(alone, rows);
        };
    }
    add_total(call, losses, scale, total);
    return contiguous.wrap([=](Team& team) { run(team, {0, logits.shape[0]}); });
}

template <auto check, auto body, int factor>
Body build_loss(Call& call) {
    Contiguous contiguous(call);
    const TensorView x = contiguous(0), target = contiguous(1);
    const TensorView total = call.output(0), losses = call.output(1), grad = call.output(2);
    check(x, target, losses, grad);
    const double scale = call.attribute("mean") != 0 ? 1.0 / items(x) : 1.0;
    call.operations = items(x) * transcendental;
    const auto run = [=](Team& team, const TensorView& some, const TensorView& wanted, const TensorView& each,
                         const TensorView& slope) { body(team, some, wanted, factor * scale, each, slope); };
    if (!contiguous.copies()) call.row_body = by_rows(run, x, target, losses, grad);
    add_total(call, losses, scale, total);
    return contiguous.wrap([=](Team& team) { run(team, x, target, losses, grad); });
}

// -- reductions and indexing ------------------------------------------------------------------------------------------

Body build_sum(Call& call) {
    Contiguous contiguous(call);
    const TensorView x = contiguous(0), y = call.output(0);
    const double scale = call.attribute("scale");
    sum_check(x, y);
    call.operations = items(x);
    return contiguous.wrap([=](Team& team) { sum(team, x, scale, y); });
}

Body build_max(Call& call) {
    Contiguous contiguous(call);
    const TensorView x = contiguous(0), y = call.output(0), index = call.output(1);
    max_check(x, y, index);
    call.operations = items(x);
    return contiguous.wrap([=](Team& team) { max(team, x, y, index); });
}

Body build_max_backward(Call& call) {
    Contiguous contiguous(call);
    const TensorView grad_y = contiguous(0), index = contiguous(1), grad_x = call.output(0);
    max_check(grad_x, grad_y, index);
    call.operations = items(grad_x);
    return contiguous.wrap([=](Team& team) { max_backward(team, grad_y, index, grad_x); });
}

Body build_take(Call& call) {
    Contiguous contiguous(call);
    const TensorView x = contiguous(0), index = contiguous(1), y = call.output(0);
    take_check(x, index, y);
    call.operations = items(y);
    return contiguous.wrap([=](Team& team) { take(team, x, index, y); });
}

Body build_take_backward(Call& call) {
    Contiguous contiguous(call);
    const TensorView grad_y = contiguous(0), index = contiguous(1), grad_x = call.output(0);
    check_real(call.op, "grad_y", grad_y);
    take_check(grad_x, index, grad_y);
    call.operations = items(grad_x);
    return contiguous.wrap([=](Team& team) { take_backward(team, grad_y, index, grad_x); });
}

const std::map<std::string, Builder>& registry() {
    static const std::map<std::string, Builder> builders = {
        {"dense_forward", build_dense_forward},
        {"dense_grad_x", build_dense_grad_x},
        {"dense_grad_weight", build_dense_grad_weight},
        {"dense_grad_bias", build_dense_grad_bias},
        {"matmul", build_matmul},
        {"add", build_arithmetic<Arithmetic::add>},
        {"subtract", build_arithmetic<Arithmetic::subtract>},
        {"multiply", build_arithmetic<Arithmetic::multiply>},
        {"divide", build_arithmetic<Arithmetic::divide>},
        {"copy", build_copy},
        {"unpack", build_unpack},
        {"relu", build_map<relu_check, relu, 1>},
        {"sigmoid", build_map<sigmoid_check, sigmoid, 12>},
        {"tanh", build_map<tanh_check, tanh, 12>},
        {"exp", build_map<exp_check, exp, 12>},
        {"log", build_map<log_check, log, 12>},
        {"softmax", build_map<softmax_check, softmax, 12>},
        {"log_softmax", build_map<softmax_check, log_softmax, 12>},
        {"relu_backward", build_map_backward<relu_backward_check, relu_backward, 1>},
        {"sigmoid_backward", build_map_backward<sigmoid_backward_check, sigmoid_backward, 1>},
        {"tanh_backward", build_map_backward<tanh_backward_check, tanh_backward, 1>},
        {"softmax_backward", build_map_backward<softmax_backward_check, softmax_backward, 2>},
        {"log_softmax_backward", build_map_backward<softmax_backward_check, log_softmax_backward, 12>},
        {"pow", build_pow},
        {"pow_backward", build_pow_backward},
        {"cross_entropy", build_cross_entropy},
        {"mse", build_loss<mse_check, mse, 2>},
        {"bce_with_logits", build_loss<bce_with_logits_check, bce_with_logits, 1>},
        {"sum", build_sum},
        {"max", build_max},
        {"max_backward", build_max_backward},
        {"take", build_take},
        {"take_backward", build_take_backward},
    };
    return builders;
}

}  // namespace

Builder find_builder(const std::string& name) {
    const auto found = registry().find(name);
    return found == registry().end() ? nullptr : found->second;
}

std::vector<std::string> instruction_names() {
    std::vector<std::string> names;
    for (const auto& entry : registry()) names.push_back(entry.first);
    return names;
}

}  // namespace fastnn
