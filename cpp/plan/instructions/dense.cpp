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

// A product with a weight in panels, y = x W^T, of some samples or of some features.
struct PanelProduct {
    const Plan& plan;
    const Program& program;
    Product product;
    TensorView x, y;
    std::int64_t panels = product.panels.count();
    // Of x, where they are looked for, to be left out where the weight is finite.
    Zeros* zeros = nullptr;
    const Derived* derived = nullptr;

    bool looks() const { return zeros != nullptr && derived->finite() && zeros->wanted(); }

    void of_samples(Range rows, int thread) const {
        Product some = product;
        some.a.data = program.batch.of(some.a.data, thread);
        some.a = some.a.part(rows, some.dtype);
        some.c = some.c.part(rows, some.dtype);
        if (looks()) {
            const TensorView mine = program.batch.of(x, thread).rows(rows.begin, rows.end - rows.begin);
            some.columns = zeros->find(mine, static_cast<std::int32_t*>(plan.scratch(thread)));
        }
        some.multiply({0, panels * (rows.end - rows.begin)});
    }

    // Units of the product's own split.
    void of_part(Range part, int thread) const {
        Product some = product;
        some.a.data = program.batch.of(some.a.data, thread);
        some.multiply(part);
    }

    // Whole panels, which stand one behind the other in the product's split, each with all samples.
    void of_features(Range features, int thread) const {
        const TensorView mine = program.batch.of(x, thread);
        Product some = product;
        some.a = matrix_of(mine);
        if (looks()) some.columns = zeros->find_all(mine, thread);
        const std::int64_t width = product.panels.width, samples = x.shape[0];
        some.multiply({features.begin / width * samples, blocks_of(features.end, width) * samples});
    }
};

// Adds it; owned: what else each feature has a part of its own of.
void add_panel_product(Call& call, Instruction instruction, const Facts& facts, const PanelProduct& product,
                       const TensorView& weight, const TensorView& bias, bool first) {
    instruction.rows = product.x.shape[0];
    instruction.pixels = facts.pixels(product.y);
    instruction.batch = product.x.data;
    instruction.row_body = [product](Range rows, int thread) { product.of_samples(rows, thread); };
    FeatureCut cut;
    cut.features = {weight.panels.out, weight.panels.width};
    cut.body = [product](Range features, int thread) { product.of_features(features, thread); };
    cut.owned = {product.y.data, weight.data};
    if (bias.data != nullptr) cut.owned.push_back(bias.data);
    if (first) {
        const auto n = static_cast<double>(product.x.shape[0]), in = static_cast<double>(weight.panels.in);
        const auto out = static_cast<double>(weight.panels.out);
        cut.travels_by_samples = in * out + n * (in + out);
        cut.travels_by_features = n * (in + 2 * out);
    }
    instruction.feature_cuts.push_back(std::move(cut));
    instruction.split = product.product.split();
    instruction.body = [product](Range part, int thread) { product.of_part(part, thread); };
    call.add(std::move(instruction));
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
    PanelProduct panels{call.plan, call.program, product, x, y};
    if (looks_for_zeros(x, weight)) {
        panels.derived = call.plan.derived().of(weight);
        call.program.derived.reads(call.plan.derived().of(weight));
        panels.zeros = &call.program.zeros.emplace_back(x);
        call.plan.need_scratch(live_columns_room(x) * static_cast<std::int64_t>(sizeof(std::int32_t)));
    }
    add_panel_product(call, std::move(forward), dense_forward_facts, panels, weight, bias ? *bias : TensorView(), true);
}

void build_dense_grad_x(Call& call) {
    const TensorView grad_y = call.input(0), weight = call.input(1), grad_x = call.output(0);
    dense_backward_check(grad_y, grad_x, weight);
    Instruction gradient = call.instruction();
    set_product(gradient, weight, grad_y.shape[0]);
    if (!weight.panels) return add_product(call, std::move(gradient), dense_grad_x(grad_y, weight, grad_x));
    Derived* const kept = call.plan.with_transposed(weight);
    call.program.derived.reads_transposed(kept);
    gradient.accesses = {access_of(grad_y, false), access_of(kept->transposed(), false), access_of(grad_x, true)};
    const Product product = dense_forward(grad_y, kept->transposed(), grad_x);
    const PanelProduct panels{call.plan, call.program, product, grad_y, grad_x};
    add_panel_product(call, std::move(gradient), dense_grad_x_facts, panels, kept->transposed(), {}, false);
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
