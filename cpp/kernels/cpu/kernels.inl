// lanes below | Assembles one ISA's kernels. Included by isa/<name>/table.cpp after its vec.h, inside which every
// text below stays in an anonymous namespace: the table is the only symbol that leaves the object.
#include "kernels/kernel_table.h"

#if defined(__OPTIMIZE_SIZE__)
#define FASTNN_UNROLL
#define FASTNN_ROLLED
#elif defined(__clang__)
#define FASTNN_UNROLL _Pragma("clang loop unroll(full)")
#define FASTNN_ROLLED _Pragma("clang loop unroll(disable)")
#else
#define FASTNN_UNROLL _Pragma("GCC unroll 16")
#define FASTNN_ROLLED _Pragma("GCC unroll 1")
#endif

// An address that is a value of its own: nothing is known of how it was made, so nothing else is computed from that.
#define FASTNN_IN_REGISTER(pointer) asm("" : "+r"(pointer))

// What lies in memory is read from there from here on, instead of waiting in registers that others need.
#define FASTNN_READ_AGAIN() asm volatile("" : : : "memory")

namespace fastnn::FASTNN_ISA_NAMESPACE {
namespace {

// clang-format off: the order matters, what comes first is used by what follows
#include "kernels/cpu/lanes.inl"
#include "kernels/cpu/math.inl"

#include "kernels/cpu/gemm.inl"
#include "kernels/cpu/gemv.inl"
#include "kernels/cpu/convolution.inl"
#include "kernels/cpu/planes.inl"

#include "kernels/cpu/elementwise.inl"
#include "kernels/cpu/relu.inl"
#include "kernels/cpu/leaky_relu.inl"
#include "kernels/cpu/sigmoid.inl"
#include "kernels/cpu/tanh.inl"
#include "kernels/cpu/silu.inl"
#include "kernels/cpu/gelu.inl"
#include "kernels/cpu/elu.inl"
#include "kernels/cpu/softplus.inl"
#include "kernels/cpu/clamp.inl"

#include "kernels/cpu/softmax.inl"
#include "kernels/cpu/cross_entropy.inl"
#include "kernels/cpu/mse.inl"
#include "kernels/cpu/bce.inl"
#include "kernels/cpu/reduce.inl"
#include "kernels/cpu/batch_norm.inl"
#include "kernels/cpu/pooling.inl"

#include "kernels/cpu/adam.inl"
#include "kernels/cpu/sgd.inl"
#include "kernels/cpu/rmsprop.inl"

#include "kernels/cpu/gather.inl"
#include "kernels/cpu/zeros.inl"
// clang-format on

// What a step of dense layers takes.
template <typename T>
constexpr Kernels<T> make_dense_kernels() {
    Kernels<T> kernels{};
    kernels.panel = Vec<T>::lanes * Tile<T>::vectors;
    kernels.rows = Tile<T>::rows;
    kernels.gemm = gemm_panel<T>;
    kernels.gemv = gemv<T>;
    kernels.gather_patches = gather_patches<T>;
    kernels.planes_product = planes_product<T>;
    kernels.places_computed = places_computed<T>;
    kernels.turn_to_planes = turn_to_planes<T>;
    kernels.turn_to_pixels = turn_to_pixels<T>;
    kernels.relu = relu<T>;
    kernels.relu_backward = relu_backward<T>;
    kernels.sigmoid = sigmoid<T>;
    kernels.sigmoid_backward = sigmoid_backward<T>;
    kernels.tanh = tanh<T>;
    kernels.tanh_backward = tanh_backward<T>;
    kernels.exp = exp_all<T>;
    kernels.add = add<T>;
    kernels.subtract = subtract<T>;
    kernels.multiply = multiply<T>;
    kernels.divide = divide<T>;
    kernels.softmax = softmax<T>;
    kernels.cross_entropy = cross_entropy<T>;
    kernels.mse = mse<T>;
    kernels.bce_with_logits = bce_with_logits<T>;
    kernels.sum = sum<T>;
    kernels.column_sums = column_sums<T>;
    kernels.adam = adam<T>;
    kernels.sgd = sgd<T>;
    kernels.rmsprop = rmsprop<T>;
    kernels.live_columns = live_columns<T>;
    kernels.finite = finite<T>;
    return kernels;
}

template <typename T>
constexpr Kernels<T> make_kernels() {
    Kernels<T> kernels = make_dense_kernels<T>();
    kernels.depthwise = depthwise<T>;
    kernels.depthwise_gradient = depthwise_gradient<T>;
    kernels.leaky_relu = leaky_relu<T>;
    kernels.leaky_relu_backward = leaky_relu_backward<T>;
    kernels.silu = silu<T>;
    kernels.silu_backward = silu_backward<T>;
    kernels.gelu = gelu<T>;
    kernels.gelu_backward = gelu_backward<T>;
    kernels.gelu_tanh = gelu_tanh<T>;
    kernels.gelu_tanh_backward = gelu_tanh_backward<T>;
    kernels.elu = elu<T>;
    kernels.elu_backward = elu_backward<T>;
    kernels.softplus = softplus<T>;
    kernels.softplus_backward = softplus_backward<T>;
    kernels.clamp = clamp<T>;
    kernels.clamp_backward = clamp_backward<T>;
    kernels.log = log_all<T>;
    kernels.softmax_backward = softmax_backward<T>;
    kernels.log_softmax = log_softmax<T>;
    kernels.log_softmax_backward = log_softmax_backward<T>;
    kernels.max = max<T>;
    kernels.max_pool = max_pool<T>;
    kernels.max_pool_backward = max_pool_backward<T>;
    kernels.avg_pool = avg_pool<T>;
    kernels.avg_pool_backward = avg_pool_backward<T>;
    kernels.channel_sums = channel_sums<T>;
    kernels.channel_squares = channel_squares<T>;
    kernels.channel_products = channel_products<T>;
    kernels.normalise = normalise<T>;
    kernels.normalise_backward = normalise_backward<T>;
    kernels.from_uint8 = from_uint8<T>;
    return kernels;
}

}  // namespace
}  // namespace fastnn::FASTNN_ISA_NAMESPACE
