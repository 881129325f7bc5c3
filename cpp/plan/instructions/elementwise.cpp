// Elementwise functions, arithmetic and copies.
#include <algorithm>

#include "ops/all.h"
#include "ops/arithmetic.h"
#include "ops/dense.h"
#include "plan/plan.h"

namespace fastnn {

namespace {

// The values of the real attributes, which an elementwise op takes in their order.
std::vector<double> numbers_of(const Call& call, const Facts& facts) {
    std::vector<double> numbers;
    for (const Argument& each : facts.arguments) {
        if (each.kind == Argument::Kind::real) numbers.push_back(call.attribute<double>(facts, each.name.c_str()));
    }
    return numbers;
}

// Cuts an op on views that lie alike by rows too, of which each is so many units of its split: run(units).
template <typename Run>
void cut_by_rows(Instruction& instruction, const TensorView& y, const Run& run) {
    instruction.rows = y.shape[0];
    const std::int64_t units = instruction.split.units / std::max<std::int64_t>(instruction.rows, 1);
    instruction.row_body = [run, units](Range rows, int) { run(Range{rows.begin * units, rows.end * units}); };
}

void build_map(Call& call, const Map& map) {
    const TensorView x = call.like(0, call.output(0)), y = call.output(0);
    const std::vector<double> numbers = numbers_of(call, map.facts);
    map.check(numbers.data(), x, y);
    Instruction instruction = call.instruction();
    instruction.operations = map.facts.operations(x);
    instruction.split = map.facts.split(x);
    const auto run = [&map, x, y, numbers](Range part) { map.run(part, numbers.data(), x, y); };
    if (map.facts.by_rows && in_rows(y, {&x})) cut_by_rows(instruction, y, run);
    instruction.body = [run](Range part, int) { run(part); };
    if (map.any_order) cut_by_columns(instruction, y, {&x, &y}, run);
    call.add(std::move(instruction));
}

void build_map_backward(Call& call, const MapBackward& map) {
    const TensorView grad_x = call.output(0), grad_y = call.like(0, grad_x), saved = call.like(1, grad_x);
    const std::vector<double> numbers = numbers_of(call, map.facts);
    map.check(numbers.data(), grad_y, saved, grad_x);
    Instruction instruction = call.instruction();
    instruction.operations = map.facts.operations(grad_y);
    instruction.split = map.facts.split(grad_y);
    const auto run = [&map, grad_y, saved, grad_x, numbers](Range part) {
        map.run(part, numbers.data(), grad_y, saved, grad_x);
    };
    if (map.facts.by_rows && in_rows(grad_x, {&grad_y, &saved})) cut_by_rows(instruction, grad_x, run);
    instruction.body = [run](Range part, int) { run(part); };
    if (map.any_order) cut_by_columns(instruction, grad_x, {&grad_y, &saved, &grad_x}, run);
    call.add(std::move(instruction));
}

void build_arithmetic(Call& call, const ArithmeticOp& op) {
    const TensorView a = call.strided(0), b = call.strided(1), y = call.output(0);
    arithmetic_check(op.operation, a, b, y);
    Instruction instruction = call.instruction();
    instruction.operations = op.facts.operations(y);
    instruction.split = arithmetic_split(a, b, y);
    const auto apply = [operation = op.operation](const TensorView& p, const TensorView& q, const TensorView& out) {
        arithmetic(arithmetic_split(p, q, out).all(), operation, p, q, out);
    };
    if (op.facts.by_rows && in_rows(y, {&a, &b})) {
        instruction.rows = y.shape[0];
        instruction.row_body = by_rows(apply, a, b, y);
    }
    instruction.body = [a, b, y, operation = op.operation](Range part, int) { arithmetic(part, operation, a, b, y); };
    call.add(std::move(instruction));
}

// Of input number `from` into the output.
void build_copy(Call& call, std::size_t from) {
    call.strided(from);
    const TensorView y = call.output(0), x = call.apart(from, y);
    copy_check(x, y);
    Instruction instruction = call.instruction();
    set_copy(instruction, x, y);
    call.add(std::move(instruction));
}

// A weight in panels into strided memory of any layout.
void build_unpack(Call& call) {
    const TensorView packed = call.input(0), weight = call.output(0);
    check_same_shape(call.op, "the weight", packed, "the result", weight);
    if (!packed.panels || weight.panels) {
        fail(call.op, "the input must be in panels and the result strided; got ", layout_text(packed), " and ",
             layout_text(weight));
    }
    Instruction instruction = call.instruction();
    instruction.split = {1, 1};
    instruction.body = [=](Range, int) { unpack_weight(packed, weight); };
    call.add(std::move(instruction));
}

}  // namespace

void add_elementwise(Registry& registry) {
    for (const Map* map : maps()) registry[map->facts.name] = [map](Call& call) { build_map(call, *map); };
    for (const MapBackward* map : maps_backward())
        registry[map->facts.name] = [map](Call& call) { build_map_backward(call, *map); };
    for (const ArithmeticOp& op : arithmetic_ops)
        registry[op.facts.name] = [&op](Call& call) { build_arithmetic(call, op); };
    registry["copy"] = [](Call& call) { build_copy(call, 0); };
    registry["assign"] = [](Call& call) { build_copy(call, 1); };
    registry["unpack"] = build_unpack;
}

}  // namespace fastnn
