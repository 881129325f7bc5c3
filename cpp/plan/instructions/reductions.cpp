// Reductions over one axis.
#include "ops/reduce.h"
#include "plan/plan.h"

namespace fastnn {

namespace {

void add_reduction(Call& call, const Facts& facts, const TensorView& first, const Body& body) {
    Instruction instruction = call.instruction();
    instruction.operations = facts.operations(first);
    instruction.split = facts.split(first);
    instruction.body = body;
    call.add(std::move(instruction));
}

void build_sum(Call& call) {
    const TensorView x = call.contiguous(0), y = call.output(0);
    const double scale = call.attribute<double>(sum_facts, "scale");
    sum_check(x, y);
    add_reduction(call, sum_facts, x, [=](Range part, int) { sum(part, x, scale, y); });
}

void build_max(Call& call) {
    const TensorView x = call.contiguous(0), y = call.output(0), index = call.output(1);
    max_check(x, y, index);
    add_reduction(call, max_facts, x, [=](Range part, int) { max(part, x, y, index); });
}

void build_max_backward(Call& call) {
    const TensorView grad_y = call.contiguous(0), index = call.contiguous(1), grad_x = call.output(0);
    max_check(grad_x, grad_y, index);
    add_reduction(call, max_backward_facts, grad_x,
                  [=](Range part, int) { max_backward(part, grad_y, index, grad_x); });
}

}  // namespace

void add_reductions(Registry& registry) {
    registry["sum"] = build_sum;
    registry["max"] = build_max;
    registry["max_backward"] = build_max_backward;
}

}  // namespace fastnn
