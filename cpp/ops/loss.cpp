#include "ops/loss.h"

#include "core/check.h"

namespace fastnn {

void reduce_loss(const TensorView& losses, double scale, const TensorView& total) {
    dispatch_real(losses.dtype, [&](auto zero) {
        using T = decltype(zero);
        *total.as<T>() = kernels<T>().sum(losses.shape[0], losses.as<T>()) * static_cast<T>(scale);
    });
}

void loss_check(const char* op, const TensorView& x, const TensorView& target, const TensorView& losses,
                const TensorView& grad) {
    check_real(op, "the input", x);
    check_dtype(op, "the target", target, x.dtype);
    check_dtype(op, "the gradient", grad, x.dtype);
    check_dtype(op, "the losses", losses, x.dtype);
    check_same_shape(op, "the input", x, "the target", target);
    check_same_shape(op, "the input", x, "the gradient", grad);
    if (x.rank == 0) fail(op, "the input needs a batch dimension, got shape ", shape_text(x));
    if (x.size() == 0)
        fail(Fault{"data.empty"}, op, "the batch is empty: shape ", shape_text(x),
             "; a mean of nothing is not a number");
    check_rank(op, "the losses", losses, 1);
    if (losses.shape[0] != x.shape[0])
        fail(op, "losses have shape ", shape_text(losses), ", they need one value for each of ", x.shape[0],
             " samples");
    check_contiguous(op, "the input", x);
    check_contiguous(op, "the target", target);
    check_contiguous(op, "the gradient", grad);
    check_contiguous(op, "the losses", losses);
}

}  // namespace fastnn
