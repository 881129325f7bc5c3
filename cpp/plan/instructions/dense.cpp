// Dense layers and matrix products.
#include "ops/dense.h"

#include <limits>

#include "core/check.h"
#include "ops/matmul.h"
#include "plan/plan.h"

namespace fastnn {

namespace {

// A product of a weight and so many rows: its flops, and its cost in elementary operations.
void set_product(Instruction& instruction, const TensorView& weight, std::int64_t rows) {
    const std::int64_t outputs = weight.shape[0], inputs = weight.shape[1];
    instruction.operations = product_cost(rows, outputs, inputs);
    instruction.flops = 16 * instruction.operations;
    instruction.detail = text(inputs, "-", outputs);
}

// Adds the stages of a product that is cut by its own split: packing, where it needs that, and the product.
void add_product(Call& call, Instruction instruction, Product product) {
    Plan& plan = call.plan;
    if (product.packs()) {
        plan.need_workspace(product.workspace_bytes());
        Instruction pack;
        pack.name = "pack";
        for (const TensorView& view : call.in) {
            if (view.data != nullptr) pack.reads(view);
        }
        pack.accesses.push_back(plan.workspace_access(true));
        pack.split = product.pack_split();
        pack.body = [product, &plan](Range part, int) mutable {
            product.workspace = plan.workspace();
            product.pack(part);
        };
        call.add(std::move(pack));
        instruction.accesses.push_back(plan.workspace_access(false));
    }
    instruction.split = product.split();
    instruction.body = [product, &plan](Range part, int) mutable {
        product.workspace = plan.workspace();
        product.multiply(part);
    };
    call.add(std::move(instruction));
}

// Looking costs about an operation for each element of x, the product one for each of its outputs.
bool looks_for_zeros(const TensorView& x, const TensorView& weight) {
    constexpr std::int64_t outputs = 64;  // then looking costs 2 % of the product
    return x.stride[1] == 1 && weight.shape[0] >= outputs && x.shape[1] < std::numeric_limits<std::int32_t>::max();
}

// Some rows of a forward product, all units of it.
void multiply_rows(Product product, const TensorView& x, const TensorView& y, Range rows) {
    const std::int64_t count = rows.end - rows.begin;
    product.a = matrix_of(x.rows(rows.begin, count));
    product.c = matrix_of(y.rows(rows.begin, count));
    product.multiply(product.split().all());
}

// Adds a product that can be cut by the rows of x and y too; row_body: where there is more to do for them.
void add_row_product(Call& call, Instruction instruction, const Facts& facts, const Product& product,
                     const TensorView& x, const TensorView& y, const Body& row_body = {}) {
    instruction.rows = x.shape[0];
    instruction.pixels = facts.pixels(y);
    instruction.row_body = row_body ? row_body : [=](Range rows, int) { multiply_rows(product, x, y, rows); };
    add_product(call, std::move(instruction), product);
}

// The forward product of some rows, columns that are zero in all of them left out.
Body without_zeros(Call& call, const Product& product, const TensorView& x, const TensorView& weight,
                   const TensorView& y) {
    Derived* const derived = call.plan.derived().of(weight);
    call.program.derived.reads(derived);
    Zeros* const zeros = &call.program.zeros.emplace_back(x);
    call.plan.need_scratch(live_columns_room(x) * static_cast<std::int64_t>(sizeof(std::int32_t)));
    return [=, &plan = call.plan](Range rows, int thread) {
        Product some = product;
        if (derived->finite() && zeros->wanted())
            some.columns = zeros->find(rows, static_cast<std::int32_t*>(plan.scratch(thread)));
        multiply_rows(some, x, y, rows);
    };
}

void build_dense_forward(Call& call) {
    const TensorView x = call.input(0), weight = call.input(1), y = call.output(0);
    const TensorView* const bias = call.has_input(2) ? &call.in[2] : nullptr;
    dense_check(x, weight, bias, y);
    Product product = dense_forward(x, weight, y);
    product.relu = call.attribute<bool>(dense_forward_facts, "relu");
    product.bias = bias ? bias->data : nullptr;
    Instruction forward = call.instruction();
    set_product(forward, weight, x.shape[0]);
    if (!weight.panels) return add_product(call, std::move(forward), product);
    const Body body = looks_for_zeros(x, weight) ? without_zeros(call, product, x, weight, y) : Body();
    add_row_product(call, std::move(forward), dense_forward_facts, product, x, y, body);
}

void build_dense_grad_x(Call& call) {
    const TensorView grad_y = call.input(0), weight = call.input(1), grad_x = call.output(0);
    dense_backward_check(grad_y, grad_x, weight);
    Instruction gradient = call.instruction();
    set_product(gradient, weight, grad_y.shape[0]);
    if (!weight.panels) return add_product(call, std::move(gradient), dense_grad_x(grad_y, weight, grad_x));
    Derived* const kept = call.plan.with_transposed(weight);
    call.program.derived.reads_transposed(kept);
    gradient.reads(kept->transposed());
    const Product product = dense_forward(grad_y, kept->transposed(), grad_x);
    add_row_product(call, std::move(gradient), dense_grad_x_facts, product, grad_y, grad_x);
}

void build_dense_grad_weight(Call& call) {
    const TensorView grad_y = call.input(0), x = call.input(1), grad_weight = call.output(0);
    dense_backward_check(grad_y, x, grad_weight);
    Instruction gradient = call.instruction();
    set_product(gradient, grad_weight, x.shape[0]);
    add_product(call, std::move(gradient), dense_grad_weight(grad_y, x, grad_weight));
}

void build_dense_grad_bias(Call& call) {
    const TensorView grad_y = call.contiguous(0), grad_bias = call.output(0);
    dense_grad_bias_check(grad_y, grad_bias);
    Instruction gradient = call.instruction();
    gradient.operations = dense_grad_bias_facts.operations(grad_y);
    gradient.split = dense_grad_bias_facts.split(grad_y);
    gradient.body = [=](Range outputs, int) { dense_grad_bias(outputs, grad_y, grad_bias); };
    call.add(std::move(gradient));
}

void build_matmul(Call& call) {
    const TensorView a = call.strided(0), b = call.strided(1), c = call.output(0);
    matmul_check(a, b, c);
    Plan& plan = call.plan;
    Instruction product = call.instruction();
    product.operations = product_cost(c.size(), 1, a.shape[a.rank - 1]);
    product.flops = 16 * product.operations;
    const Split packing = matmul_pack_split(b);
    if (packing.units > 0) {
        plan.need_workspace(matmul_workspace(b));
        Instruction pack;
        pack.name = "pack";
        pack.reads(b);
        pack.accesses.push_back(plan.workspace_access(true));
        pack.split = packing;
        pack.body = [b, &plan](Range part, int) { matmul_pack(part, b, plan.workspace()); };
        call.add(std::move(pack));
        product.accesses.push_back(plan.workspace_access(false));
    }
    product.split = matmul_split(b, c);
    product.body = [a, b, c, &plan](Range part, int) { matmul(part, a, b, c, plan.workspace()); };
    call.add(std::move(product));
}

}  // namespace

void add_dense(Registry& registry) {
    registry["dense_forward"] = build_dense_forward;
    registry["dense_grad_x"] = build_dense_grad_x;
    registry["dense_grad_weight"] = build_dense_grad_weight;
    registry["dense_grad_bias"] = build_dense_grad_bias;
    registry["matmul"] = build_matmul;
}

}  // namespace fastnn
