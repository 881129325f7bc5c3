#include "ops/cross_entropy.h"

#include "core/check.h"
#include "kernels/dispatch.h"

namespace fastnn {

const Facts cross_entropy_facts = Facts("cross_entropy")
                                      .array("logits")
                                      .array("labels")
                                      .attribute("mean", true)
                                      .attribute("smoothing", 0.0)
                                      .costs(transcendental)
                                      .cut(samples)
                                      .row_by_row();

void cross_entropy_check(const TensorView& logits, const TensorView& labels, const TensorView& losses,
                         const TensorView& grad, double smoothing) {
    constexpr const char* op = "cross_entropy";
    check_real(op, "logits", logits);
    check_rank(op, "logits", logits, 2);
    check_rank(op, "labels", labels, 1);
    check_rank(op, "losses", losses, 1);
    check_dtype(op, "labels", labels, DType::int64);
    check_dtype(op, "losses", losses, logits.dtype);
    check_dtype(op, "the gradient", grad, logits.dtype);
    check_same_shape(op, "logits", logits, "the gradient", grad);
    if (labels.shape[0] != logits.shape[0] || losses.shape[0] != logits.shape[0]) {
        fail(op, "logits have ", logits.shape[0], " samples, labels have ", labels.shape[0]);
    }
    if (logits.size() == 0) {
        fail(Fault{"data.empty"}, op, "the batch is empty: logits have shape ", shape_text(logits),
             "; a mean of nothing is not a number");
    }
    if (!(smoothing >= 0 && smoothing <= 1)) fail(op, "smoothing is ", smoothing, "; it must be from 0 to 1");
    check_contiguous(op, "logits", logits);
    check_contiguous(op, "labels", labels);
    check_contiguous(op, "losses", losses);
    check_contiguous(op, "the gradient", grad);
}

void cross_entropy(Range part, const TensorView& logits, const TensorView& labels, double smoothing, double scale,
                   const TensorView& losses, const TensorView& grad) {
    dispatch_real(logits.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t classes = logits.shape[1];
        for (std::int64_t i = part.begin; i < part.end; ++i) {
            losses.as<T>()[i] = kernels<T>().cross_entropy(classes, logits.as<T>() + i * classes,
                                                           labels.as<std::int64_t>()[i], static_cast<T>(smoothing),
                                                           static_cast<T>(scale), grad.as<T>() + i * classes);
        }
    });
}

}  // namespace fastnn
