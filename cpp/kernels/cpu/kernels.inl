// lanes below | Assembles one ISA's kernels. Included by isa/<name>/table.cpp after its vec.h, inside which every
// text below stays in an anonymous namespace: the table is the only symbol that leaves the object.
#include "kernels/kernel_table.h"

#if defined(__clang__)
#define FASTNN_UNROLL
#else
#define FASTNN_UNROLL _Pragma("GCC unroll 16")
#endif

namespace fastnn::FASTNN_ISA_NAMESPACE {
namespace {

// clang-format off: the order matters, what comes first is used by what follows
#include "kernels/cpu/lanes.inl"
#include "kernels/cpu/math.inl"

#include "kernels/cpu/gemm.inl"
#include "kernels/cpu/gemv.inl"

#include "kernels/cpu/elementwise.inl"
#include "kernels/cpu/relu.inl"
#include "kernels/cpu/sigmoid.inl"
#include "kernels/cpu/tanh.inl"

#include "kernels/cpu/softmax.inl"
#include "kernels/cpu/cross_entropy.inl"
#include "kernels/cpu/mse.inl"
#include "kernels/cpu/bce.inl"
#include "kernels/cpu/reduce.inl"

#include "kernels/cpu/adam.inl"
#include "kernels/cpu/sgd.inl"
#include "kernels/cpu/rmsprop.inl"

#include "kernels/cpu/gather.inl"
#include "kernels/cpu/zeros.inl"
// clang-format on

template <typename T>
constexpr Kernels<T> make_kernels() {
    return {Vec<T>::lanes * Tile<T>::vectors,
            Tile<T>::rows,
            gemm_panel<T>,
            gemv<T>,
            relu<T>,
            relu_backward<T>,
            sigmoid<T>,
            sigmoid_backward<T>,
            tanh<T>,
            tanh_backward<T>,
            exp_all<T>,
            log_all<T>,
            add<T>,
            subtract<T>,
            multiply<T>,
            divide<T>,
            softmax<T>,
            softmax_backward<T>,
            log_softmax<T>,
            log_softmax_backward<T>,
            cross_entropy<T>,
            mse<T>,
            bce_with_logits<T>,
            sum<T>,
            max<T>,
            column_sums<T>,
            adam<T>,
            sgd<T>,
            rmsprop<T>,
            from_uint8<T>,
            live_columns<T>,
            finite<T>};
}

}  // namespace
}  // namespace fastnn::FASTNN_ISA_NAMESPACE
