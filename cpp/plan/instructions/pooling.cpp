// Pooling of images, sample by sample.
#include "ops/pooling.h"

#include "core/check.h"
#include "plan/plan.h"

namespace fastnn {

namespace {

using Numbers = std::vector<std::int64_t>;

Numbers numbers(const Call& call, const Facts& facts, const char* name) { return call.attribute<Numbers>(facts, name); }

// Attributes have two numbers for both sides of an axis.
PoolingSettings windows_of(const Call& call, const Facts& facts) {
    Numbers padding = numbers(call, facts, "padding");
    if (padding.size() == 2) padding = {padding[0], padding[1], padding[0], padding[1]};
    return {numbers(call, facts, "kernel_size"),
            numbers(call, facts, "stride"),
            padding,
            {1, 1},
            call.attribute<bool>(facts, "ceil_mode")};
}

PoolingSettings largest_of(const Call& call, const Facts& facts) {
    PoolingSettings settings = windows_of(call, facts);
    settings.dilation = numbers(call, facts, "dilation");
    return settings;
}

PoolingSettings means_of(const Call& call, const Facts& facts) {
    PoolingSettings settings = windows_of(call, facts);
    settings.count_include_pad = call.attribute<bool>(facts, "count_include_pad");
    settings.divisor = call.attribute<std::int64_t>(facts, "divisor");
    return settings;
}

Numbers shape_of(const TensorView& view) { return {view.shape.begin(), view.shape.begin() + view.rank}; }

template <typename Work>
void add_samples(Call& call, const Pooling& pooling, bool backward, Work work) {
    check_result(call, call.out[0], call.in[0].dtype, backward ? pooling.x_shape() : pooling.y_shape());
    Instruction instruction = call.instruction();
    instruction.operations = pooling.operations(backward) / 8;
    instruction.rows = pooling.samples;
    instruction.pixels = pooling.height * pooling.width;
    instruction.row_body = [work](Range samples, int) { work(samples); };
    instruction.split = {pooling.samples, 1};
    instruction.body = instruction.row_body;
    call.add(std::move(instruction));
}

void build_max_pool(Call& call) {
    const TensorView x = call.images(0), y = call.image_output(0);
    pooling_check(call.op, "x", x);
    const Pooling p = pooling_of(call.op, shape_of(x), largest_of(call, max_pool2d_facts));
    add_samples(call, p, false, [=](Range samples) { max_pool2d(samples, p, x, y); });
}

void build_max_pool_backward(Call& call) {
    const TensorView grad_y = call.images(0), x = call.images(1), grad_x = call.image_output(0);
    pooling_check(call.op, "x", x);
    check_dtype(call.op, "grad_y", grad_y, x.dtype);
    const Pooling p = pooling_of(call.op, shape_of(x), largest_of(call, max_pool2d_backward_facts));
    pooling_backward_check(call.op, grad_y, p);
    add_samples(call, p, true, [=](Range samples) { max_pool2d_backward(samples, p, grad_y, x, grad_x); });
}

void build_mean_pool(Call& call) {
    const TensorView x = call.images(0), y = call.image_output(0);
    pooling_check(call.op, "x", x);
    const Pooling p = pooling_of(call.op, shape_of(x), means_of(call, avg_pool2d_facts));
    add_samples(call, p, false, [=](Range samples) { avg_pool2d(samples, p, x, y); });
}

void build_adaptive(Call& call) {
    const TensorView x = call.images(0), y = call.image_output(0);
    pooling_check(call.op, "x", x);
    const Pooling p =
        adaptive_pooling_of(call.op, shape_of(x), numbers(call, adaptive_avg_pool2d_facts, "output_size"));
    add_samples(call, p, false, [=](Range samples) { adaptive_avg_pool2d(samples, p, x, y); });
}

// The gradient of a mean of the windows that of(shape of x) gives.
template <typename Of>
void add_mean_backward(Call& call, const Facts& facts, Of of) {
    const TensorView grad_y = call.images(0), grad_x = call.image_output(0);
    pooling_check(call.op, "grad_y", grad_y);
    const Numbers size = numbers(call, facts, "size");
    if (size.size() != 2) fail(call.op, "the size of an image is two numbers, rows and columns");
    const Pooling p = of(Numbers{grad_y.shape[0], grad_y.shape[1], size[0], size[1]}, grad_y);
    pooling_backward_check(call.op, grad_y, p);
    add_samples(call, p, true, [=](Range samples) { avg_pool2d_backward(samples, p, grad_y, grad_x); });
}

void build_mean_pool_backward(Call& call) {
    add_mean_backward(call, avg_pool2d_backward_facts, [&](const Numbers& shape, const TensorView&) {
        return pooling_of(call.op, shape, means_of(call, avg_pool2d_backward_facts));
    });
}

void build_adaptive_backward(Call& call) {
    add_mean_backward(call, adaptive_avg_pool2d_backward_facts, [&](const Numbers& shape, const TensorView& grad_y) {
        return adaptive_pooling_of(call.op, shape, {grad_y.shape[2], grad_y.shape[3]});
    });
}

}  // namespace

void add_pooling(Registry& registry) {
    registry["max_pool2d"] = build_max_pool;
    registry["max_pool2d_backward"] = build_max_pool_backward;
    registry["avg_pool2d"] = build_mean_pool;
    registry["avg_pool2d_backward"] = build_mean_pool_backward;
    registry["adaptive_avg_pool2d"] = build_adaptive;
    registry["adaptive_avg_pool2d_backward"] = build_adaptive_backward;
}

}  // namespace fastnn
