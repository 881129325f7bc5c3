// Dropout, whose draw is state that a step changes: it advances after each one.
#include "ops/dropout.h"

#include "plan/plan.h"

namespace fastnn {

namespace {

void build_dropout(Call& call) {
    const TensorView y = call.output(0), mask = call.output(1), x = call.like(0, y);
    const double p = call.attribute<double>(dropout_facts, "p");
    const auto draw = call.state_of<std::shared_ptr<DropoutDraw>>("draw");
    dropout_check(x, p, mask, y);
    const std::uint32_t earlier = call.program.draws[draw.get()]++;  // uses of a module in this step: each is a call
    call.program.after_step.push_back([draw] { ++draw->call; });
    Instruction instruction = call.instruction();
    instruction.operations = dropout_facts.operations(x);
    instruction.split = dropout_facts.split(x);
    const auto mine = [draw, earlier] { return DropoutDraw{draw->seed, draw->call + earlier, draw->module}; };
    if (in_rows(y, {&x, &mask})) {
        instruction.rows = x.shape[0];
        instruction.row_body = [=](Range rows, int) {
            const std::int64_t count = rows.end - rows.begin, items = x.size() / x.shape[0];
            const TensorView some = x.rows(rows.begin, count);
            dropout(dropout_facts.split(some).all(), some, p, mine(), mask.rows(rows.begin, count),
                    y.rows(rows.begin, count), rows.begin * items);
        };
    }
    const auto run = [=](Range part) { dropout(part, x, p, mine(), mask, y); };
    instruction.body = [run](Range part, int) { run(part); };
    cut_by_columns(instruction, y, {&x, &mask, &y}, run);
    call.add(std::move(instruction));
}

}  // namespace

void add_dropout(Registry& registry) { registry["dropout"] = build_dropout; }

}  // namespace fastnn
