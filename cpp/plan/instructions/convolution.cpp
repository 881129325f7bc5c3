// Convolutions of images. Samples are rows; the chunks of a weight's gradient are too, as many samples each.
#include "ops/convolution.h"

#include "ops/kernel_gradient.h"
#include "plan/instructions/updated.h"

namespace fastnn {

namespace {

ConvolutionSettings settings_of(const Call& call, const Facts& facts) {
    using Numbers = std::vector<std::int64_t>;
    return {call.attribute<Numbers>(facts, "stride"), call.attribute<Numbers>(facts, "padding"),
            call.attribute<Numbers>(facts, "dilation"), call.attribute<std::int64_t>(facts, "groups")};
}

void set_cost(Instruction& instruction, const Convolution& sizes) {
    const auto outputs =
        static_cast<double>(sizes.samples * sizes.outputs * sizes.window.rows.outputs * sizes.window.columns.outputs);
    instruction.operations = sizes.cost();
    instruction.flops = 2 * outputs * static_cast<double>(sizes.taps() * sizes.group_channels());
    instruction.detail =
        text(sizes.channels, "-", sizes.outputs, " ", sizes.window.rows.kernel, "x", sizes.window.columns.kernel, ", ",
             sizes.window.rows.outputs, "x", sizes.window.columns.outputs);
}

void add_product(Call& call, const Convolution& sizes, const ImageProduct& product,
                 const TensorView* panels = nullptr) {
    Instruction instruction = call.instruction();
    set_cost(instruction, sizes);
    if (!product.by_panels()) {
        instruction.rows = sizes.samples;
        instruction.pixels = product.result.height * product.result.width;
        instruction.row_body = [product](Range samples, int) { product.multiply_samples(samples); };
    }
    instruction.split = product.split();
    instruction.body = [product](Range part, int) { product.multiply(part); };
    if (panels != nullptr) instruction.reads(*panels);
    call.add(std::move(instruction));
}

void build_conv2d(Call& call) {
    const TensorView x = call.images(0), weight = call.kernels(1), y = call.image_output(0);
    const TensorView* const bias = call.has_input(2) ? &call.contiguous(2) : nullptr;
    const Convolution sizes = conv2d_check(x, weight, bias, settings_of(call, conv2d_facts));
    check_result(call, y, x.dtype, sizes.y_shape());
    ImageProduct product = conv2d(sizes, x, weight, y);
    product.relu = call.attribute<bool>(conv2d_facts, "relu");
    product.bias = bias ? bias->data : nullptr;
    add_product(call, sizes, product);
}

void build_grad_x(Call& call) {
    const TensorView grad_y = call.images(0), weight = call.kernels(1), grad_x = call.image_output(0);
    const auto size = call.attribute<std::vector<std::int64_t>>(conv2d_grad_x_facts, "size");
    const Convolution sizes = conv2d_grad_x_check(grad_y, weight, size, settings_of(call, conv2d_grad_x_facts));
    check_result(call, grad_x, grad_y.dtype, sizes.x_shape());
    ImageProduct product = conv2d_grad_x(sizes, grad_y, weight, grad_x);
    if (!product.copies_panels()) return add_product(call, sizes, product);
    // Turned once a step, not once a call by each thread.
    const TensorView panels = bytes_of(call.plan, product.panels_bytes());
    Instruction turn;
    turn.name = "turn_weight";
    turn.reads(weight);
    turn.writes(panels);
    turn.operations = static_cast<double>(weight.size()) / 4;
    turn.split = product.panels_split();
    turn.body = [product, panels](Range part, int) { product.fill_panels(part, panels.data); };
    call.add(std::move(turn));
    product.panels = panels.data;
    add_product(call, sizes, product, &panels);
}

// Adds the gradients of the chunks, into `result` where there is one chunk.
KernelGradient add_chunks(Call& call, const TensorView& result) {
    const TensorView grad_y = call.images(0), x = call.images(1);
    const auto kernel = call.attribute<std::vector<std::int64_t>>(conv2d_grad_weight_facts, "kernel_size");
    const Convolution sizes = conv2d_grad_weight_check(grad_y, x, kernel, settings_of(call, conv2d_grad_weight_facts));
    check_result(call, result, x.dtype, sizes.weight_shape());
    KernelGradient gradient{sizes, grad_y, x, result};
    TensorView written = result;
    if (gradient.workspace_bytes() > 0) written = bytes_of(call.plan, gradient.workspace_bytes());
    gradient.workspace = written.data;
    Instruction chunks;
    chunks.name = "conv2d_grad_weight";
    chunks.reads(grad_y);
    chunks.reads(x);
    chunks.writes(written);
    set_cost(chunks, sizes);
    chunks.rows = sizes.samples;
    chunks.row_grain = chunk_samples(sizes);
    chunks.pixels = sizes.window.rows.outputs * sizes.window.columns.outputs;
    const Split split = gradient.split();
    const std::int64_t units = split.units / gradient.chunks();
    chunks.row_body = [gradient, units, grain = chunks.row_grain](Range samples, int) {
        gradient.multiply({samples.begin / grain * units, blocks_of(samples.end, grain) * units});
    };
    chunks.split = split;
    chunks.body = [gradient](Range part, int) { gradient.multiply(part); };
    call.add(std::move(chunks));
    return gradient;
}

// What comes after the chunks reads their sums.
void read_chunks(Instruction& instruction, const KernelGradient& gradient) {
    const auto* const begin = static_cast<const char*>(gradient.workspace);
    const std::int64_t bytes = gradient.workspace_bytes();
    instruction.accesses.push_back(bytes == 0 ? access_of(gradient.grad_weight, false)
                                              : Access{begin, begin + bytes, 0, false});
}

void build_grad_weight(Call& call) {
    const TensorView result = call.kernel_output(0);
    const KernelGradient gradient = add_chunks(call, result);
    if (gradient.chunks() == 1) return;
    Instruction add;
    add.name = "add_chunks";
    read_chunks(add, gradient);
    add.writes(result);
    add.operations = static_cast<double>(result.size() * gradient.chunks()) / 8;
    add.split = gradient.add_split();
    add.body = [gradient](Range part, int) { gradient.add(part); };
    call.add(std::move(add));
}

// With grad = conv2d_grad_weight(grad_y, x).
void build_conv2d_update(Call& call) {
    const TensorView weight = call.kernel_output(0);
    const KernelGradient gradient = add_chunks(call, call.plan.temporary(weight));
    const TensorView grad = gradient.grad_weight;
    const Updated made = updated(call, grad);
    call.in.clear();
    Instruction instruction = make_update(call);
    instruction.name = "conv2d_update";
    read_chunks(instruction, gradient);
    instruction.operations =
        update_facts(made.settings).operations(weight) + static_cast<double>(weight.size() * gradient.chunks()) / 8;
    instruction.split = {weight.size(), update_items};
    instruction.body = [=](Range part, int) {
        if (gradient.chunks() > 1) gradient.add(part);
        update(part, made.settings, made.target, grad);
    };
    call.add(std::move(instruction));
}

// Sums of the samples' pixels, (N, O) of float64.
TensorView add_sample_sums(Call& call) {
    const TensorView grad_y = call.images(0);
    conv2d_grad_bias_check(grad_y);
    TensorView sums;
    sums.dtype = DType::float64;
    sums.rank = 2;
    sums.shape[0] = grad_y.shape[0];
    sums.shape[1] = grad_y.shape[1];
    sums = call.plan.temporary(sums);
    Instruction instruction;
    instruction.name = "conv2d_grad_bias";
    instruction.reads(grad_y);
    instruction.writes(sums);
    instruction.operations = conv2d_grad_bias_facts.operations(grad_y) / 4;
    instruction.rows = grad_y.shape[0];
    instruction.row_body = [=](Range samples, int) { conv2d_sample_sums(samples, grad_y, sums.as<double>()); };
    instruction.split = {grad_y.shape[0], 1};
    instruction.body = instruction.row_body;
    call.add(std::move(instruction));
    return sums;
}

void check_bias(const Call& call, const TensorView& grad_y, const TensorView& bias) {
    check_dtype(call.op, "bias", bias, grad_y.dtype);
    if (bias.rank != 1 || bias.shape[0] != grad_y.shape[1] || !bias.contiguous())
        fail(call.op, "bias has shape ", shape_text(bias), ", grad_y ", shape_text(grad_y));
}

void build_grad_bias(Call& call) {
    const TensorView sums = add_sample_sums(call), grad_y = call.in[0], bias = call.output(0);
    check_bias(call, grad_y, bias);
    Instruction instruction;
    instruction.name = call.op;
    instruction.reads(sums);
    instruction.writes(bias);
    instruction.operations = static_cast<double>(sums.size());
    instruction.split = {1, 1};
    instruction.tasks = true;
    instruction.body = [=](Range, int) { conv2d_grad_bias(grad_y, sums.as<double>(), bias); };
    call.add(std::move(instruction));
}

// With grad = conv2d_grad_bias(grad_y).
void build_conv2d_bias_update(Call& call) {
    const TensorView sums = add_sample_sums(call), grad_y = call.in[0], bias = call.output(0);
    check_bias(call, grad_y, bias);
    const TensorView grad = call.plan.temporary(bias);
    const Updated made = updated(call, grad);
    call.in = {sums};
    Instruction instruction = make_update(call);
    instruction.operations = static_cast<double>(sums.size());
    instruction.split = {1, 1};
    instruction.body = [=](Range, int) {
        conv2d_grad_bias(grad_y, sums.as<double>(), grad);
        update({0, grad.size()}, made.settings, made.target, grad);
    };
    call.add(std::move(instruction));
}

}  // namespace

void add_convolution(Registry& registry) {
    registry["conv2d"] = build_conv2d;
    registry["conv2d_grad_x"] = build_grad_x;
    registry["conv2d_grad_weight"] = build_grad_weight;
    registry["conv2d_grad_bias"] = build_grad_bias;
    registry["conv2d_update"] = build_conv2d_update;
    registry["conv2d_bias_update"] = build_conv2d_bias_update;
}

}  // namespace fastnn
