// Elements picked by their numbers.
#include "core/check.h"
#include "ops/gather.h"
#include "plan/plan.h"

namespace fastnn {

namespace {

void build_take(Call& call) {
    const TensorView x = call.contiguous(0), index = call.contiguous(1), y = call.output(0);
    take_check(x, index, y);
    Instruction instruction = call.instruction();
    instruction.operations = take_facts.operations(y);
    instruction.split = take_facts.split(y);
    instruction.body = [=](Range part, int) { take(part, x, index, y); };
    call.add(std::move(instruction));
}

void build_take_backward(Call& call) {
    const TensorView grad_y = call.contiguous(0), index = call.contiguous(1), grad_x = call.output(0);
    check_real(call.op, "grad_y", grad_y);
    take_check(grad_x, index, grad_y);
    Instruction instruction = call.instruction();
    instruction.operations = take_backward_facts.operations(grad_x);
    instruction.split = take_backward_facts.split(grad_x);
    instruction.body = [=](Range, int) { take_backward(grad_y, index, grad_x); };
    call.add(std::move(instruction));
}

}  // namespace

void add_indexing(Registry& registry) {
    registry["take"] = build_take;
    registry["take_backward"] = build_take_backward;
}

}  // namespace fastnn
