// Batch normalisation: its stages, of samples and of the whole, as instructions.
#include "core/check.h"
#include "ops/batch_norm_stages.h"
#include "plan/plan.h"

namespace fastnn {

namespace {

// The instructions of an op's stages: they hold to their order by what they share.
class Stages {
public:
    Stages(Call& call, const TensorView& x, const Facts& facts, double stages)
        : call_(call),
          x_(x),
          operations_(facts.operations(x) / 8 / stages),
          workspace_(bytes_of(call.plan, batch_norm_workspace(x))) {}

    void* workspace() const { return workspace_.data; }

    // Stages of samples share what lies in the workspace by a part for each sample.
    template <typename F>
    void of_samples(const F& body, std::initializer_list<TensorView> reads, const TensorView& written,
                    bool reads_whole) {
        Instruction stage = made(reads);
        stage.operations = operations_;
        stage.rows = x_.shape[0];
        stage.row_body = [body](Range samples, int) { body(samples); };
        stage.split = {x_.shape[0], 1};
        stage.body = stage.row_body;
        if (written.data != nullptr) stage.writes(written);
        share(stage, reads_whole ? whole : sums, !reads_whole);
        if (!reads_whole) share(stage, whole, false);
        call_.add(std::move(stage));
    }

    template <typename F>
    void of_all(const F& body, std::initializer_list<TensorView> reads, std::initializer_list<TensorView> written) {
        Instruction stage = made(reads);
        stage.operations = static_cast<double>(x_.shape[0] * x_.shape[1]) / 2;
        stage.split = {1, 1};
        stage.tasks = true;
        stage.body = [body](Range, int) { body(); };
        for (const TensorView& view : written) {
            if (view.data != nullptr && !view.empty()) stage.writes(view);
        }
        share(stage, whole, true);
        share(stage, sums, false);
        call_.add(std::move(stage));
    }

private:
    enum Shared { whole, sums };  // two bytes that stand for the channels' values and for the samples' sums

    Instruction made(std::initializer_list<TensorView> reads) const {
        Instruction stage;
        stage.name = call_.op;
        for (const TensorView& view : reads) {
            if (view.data != nullptr) stage.reads(view);
        }
        return stage;
    }
    void share(Instruction& stage, Shared which, bool writes) const {
        const char* const place = workspace_.as<const char>() + which;
        stage.accesses.push_back({place, place + 1, which == sums ? 1 : 0, writes});
    }

    Call& call_;
    const TensorView x_;
    double operations_;
    TensorView workspace_;
};

TensorView optional(Call& call, std::size_t i) { return call.has_input(i) ? call.contiguous(i) : TensorView(); }

ChannelValues checked(const char* name, const TensorView& view, DType dtype) {
    return {name, view.data != nullptr ? &view : nullptr, dtype};
}

void check_written(const Call& call, const TensorView& x, const TensorView& view, DType dtype) {
    check_result(call, view, dtype, {x.shape[1]});
}

void build_training(Call& call) {
    const TensorView x = call.images(0);
    const BatchNormForward::Views v{x,
                                    optional(call, 1),
                                    optional(call, 2),
                                    optional(call, 3),
                                    optional(call, 4),
                                    call.image_output(0),
                                    call.output(1),
                                    call.output(2),
                                    call.output(3),
                                    call.output(4)};
    const bool unbiased = call.attribute<bool>(batch_norm_facts, "unbiased");
    batch_norm_check(call.op, x,
                     {checked("weight", v.weight, x.dtype), checked("bias", v.bias, x.dtype),
                      checked("running_mean", v.running_mean, x.dtype), checked("running_var", v.running_var, x.dtype)},
                     unbiased ? 2 : 1);
    check_result(call, v.y, x.dtype, {x.shape[0], x.shape[1], x.shape[2], x.shape[3]});
    for (const TensorView* view : {&v.mean, &v.inverse}) check_written(call, x, *view, DType::float64);
    if (v.running_mean.data != nullptr) check_written(call, x, v.new_mean, x.dtype);
    if (v.running_var.data != nullptr) check_written(call, x, v.new_var, x.dtype);
    Stages stages(call, x, batch_norm_facts, 3);
    const BatchNormForward norm(v, call.attribute<double>(batch_norm_facts, "momentum"),
                                call.attribute<double>(batch_norm_facts, "eps"), unbiased, stages.workspace());
    stages.of_samples([norm](Range samples) { norm.sum(samples); }, {x}, {}, false);
    stages.of_all([norm] { norm.centre(); }, {}, {v.mean});
    stages.of_samples([norm](Range samples) { norm.square(samples); }, {x, v.mean}, {}, false);
    stages.of_all([norm] { norm.finish(); }, {v.mean, v.weight, v.bias, v.running_mean, v.running_var},
                  {v.inverse, v.new_mean, v.new_var});
    stages.of_samples([norm](Range samples) { norm.normalise(samples); }, {x}, v.y, true);
}

void build_inference(Call& call) {
    const TensorView x = call.images(0);
    const BatchNormInference::Views v{
        x, optional(call, 1), optional(call, 2), call.contiguous(3), call.contiguous(4), call.image_output(0)};
    batch_norm_check(call.op, x,
                     {checked("weight", v.weight, x.dtype), checked("bias", v.bias, x.dtype),
                      checked("running_mean", v.running_mean, x.dtype), checked("running_var", v.running_var, x.dtype)},
                     0);
    check_result(call, v.y, x.dtype, {x.shape[0], x.shape[1], x.shape[2], x.shape[3]});
    Stages stages(call, x, batch_norm_inference_facts, 1);
    const BatchNormInference norm(v, call.attribute<double>(batch_norm_inference_facts, "eps"), stages.workspace());
    stages.of_all([norm] { norm.begin(); }, {v.weight, v.bias, v.running_mean, v.running_var}, {});
    stages.of_samples([norm](Range samples) { norm.normalise(samples); }, {x}, v.y, true);
}

void build_backward(Call& call, const Facts& facts, bool training) {
    const TensorView grad_y = call.images(0), x = call.images(1);
    const BatchNormBackward::Views v{grad_y,
                                     x,
                                     optional(call, 2),
                                     call.contiguous(3),
                                     call.contiguous(4),
                                     call.image_output(0),
                                     call.output(1),
                                     call.output(2)};
    const DType values = training ? DType::float64 : x.dtype;
    batch_norm_check(call.op, x,
                     {checked("weight", v.weight, x.dtype), checked("the mean", v.mean, values),
                      checked("the variance", v.second, values)},
                     training ? 1 : 0);
    batch_norm_backward_check(call.op, grad_y, x);
    check_result(call, v.grad_x, x.dtype, {x.shape[0], x.shape[1], x.shape[2], x.shape[3]});
    for (const TensorView* view : {&v.grad_weight, &v.grad_bias}) check_written(call, x, *view, x.dtype);
    Stages stages(call, x, facts, 2);
    const double eps = training ? 0 : call.attribute<double>(facts, "eps");
    const BatchNormBackward norm(v, training, eps, stages.workspace());
    if (!training) stages.of_all([norm] { norm.begin(); }, {v.mean, v.second}, {});
    stages.of_samples([norm](Range samples) { norm.multiply(samples); }, {grad_y, x, v.mean}, {}, false);
    stages.of_all([norm] { norm.finish(); }, {v.mean, v.second, v.weight}, {v.grad_weight, v.grad_bias});
    stages.of_samples([norm](Range samples) { norm.apply(samples); }, {grad_y, x}, v.grad_x, true);
}

}  // namespace

void add_batch_norm(Registry& registry) {
    registry["batch_norm"] = build_training;
    registry["batch_norm_inference"] = build_inference;
    registry["batch_norm_backward"] = [](Call& call) { build_backward(call, batch_norm_backward_facts, true); };
    registry["batch_norm_inference_backward"] = [](Call& call) {
        build_backward(call, batch_norm_inference_backward_facts, false);
    };
}

}  // namespace fastnn
