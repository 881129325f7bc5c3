#include "ops/all.h"

#include "ops/arithmetic.h"
#include "ops/batch_norm.h"
#include "ops/bce.h"
#include "ops/clamp.h"
#include "ops/convolution.h"
#include "ops/cross_entropy.h"
#include "ops/dense.h"
#include "ops/dropout.h"
#include "ops/elu.h"
#include "ops/exp.h"
#include "ops/gather.h"
#include "ops/gelu.h"
#include "ops/leaky_relu.h"
#include "ops/log.h"
#include "ops/matmul.h"
#include "ops/mse.h"
#include "ops/pooling.h"
#include "ops/pow.h"
#include "ops/reduce.h"
#include "ops/relu.h"
#include "ops/sigmoid.h"
#include "ops/silu.h"
#include "ops/softmax.h"
#include "ops/softplus.h"
#include "ops/tanh.h"

namespace fastnn {

const std::vector<const Map*>& maps() {
    static const std::vector<const Map*> all = {
        &relu_op, &leaky_relu_op, &sigmoid_op,   &tanh_op, &exp_op, &log_op,      &softmax_op, &log_softmax_op,
        &pow_op,  &gelu_op,       &gelu_tanh_op, &silu_op, &elu_op, &softplus_op, &clamp_op};
    return all;
}

const std::vector<const MapBackward*>& maps_backward() {
    static const std::vector<const MapBackward*> all = {
        &relu_backward_op,      &leaky_relu_backward_op,  &sigmoid_backward_op, &tanh_backward_op,
        &softmax_backward_op,   &log_softmax_backward_op, &pow_backward_op,     &gelu_backward_op,
        &gelu_tanh_backward_op, &silu_backward_op,        &elu_backward_op,     &softplus_backward_op,
        &clamp_backward_op};
    return all;
}

const std::vector<const Loss*>& losses() {
    static const std::vector<const Loss*> all = {&mse_op, &bce_with_logits_op};
    return all;
}

const std::vector<const Facts*>& all_facts() {
    static const std::vector<const Facts*> all = [] {
        std::vector<const Facts*> facts = {&dense_forward_facts,
                                           &dense_grad_x_facts,
                                           &dense_grad_weight_facts,
                                           &dense_grad_bias_facts,
                                           &matmul_facts,
                                           &copy_facts,
                                           &assign_facts,
                                           &dropout_facts,
                                           &cross_entropy_facts,
                                           &sum_facts,
                                           &max_facts,
                                           &max_backward_facts,
                                           &take_facts,
                                           &take_backward_facts,
                                           &conv2d_facts,
                                           &conv2d_grad_x_facts,
                                           &conv2d_grad_weight_facts,
                                           &conv2d_grad_bias_facts,
                                           &max_pool2d_facts,
                                           &max_pool2d_backward_facts,
                                           &avg_pool2d_facts,
                                           &avg_pool2d_backward_facts,
                                           &adaptive_avg_pool2d_facts,
                                           &adaptive_avg_pool2d_backward_facts,
                                           &batch_norm_facts,
                                           &batch_norm_backward_facts,
                                           &batch_norm_inference_facts,
                                           &batch_norm_inference_backward_facts};
        for (const Map* each : maps()) facts.push_back(&each->facts);
        for (const MapBackward* each : maps_backward()) facts.push_back(&each->facts);
        for (const Loss* each : losses()) facts.push_back(&each->facts);
        for (const ArithmeticOp& each : arithmetic_ops) facts.push_back(&each.facts);
        return facts;
    }();
    return all;
}

}  // namespace fastnn
