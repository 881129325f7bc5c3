#include "ops/batch_norm_stages.h"

#include <algorithm>

#include "core/check.h"

namespace fastnn {

namespace {

constexpr std::int64_t kinds_of_values = 4;  // float64 values of each channel, in front of the sums

std::int64_t channels_of(const TensorView& x) { return x.shape[1]; }
double count_of(const TensorView& x) { return static_cast<double>(x.shape[0] * x.shape[2] * x.shape[3]); }

double* values_in(void* workspace, const TensorView& x, std::int64_t which) {
    return static_cast<double*>(workspace) + which * channels_of(x);
}
double* sums_in(void* workspace, const TensorView& x, std::int64_t which) {
    return values_in(workspace, x, kinds_of_values) + which * x.shape[0] * channels_of(x);
}

const TensorView* if_there(const TensorView& view) { return view.data != nullptr ? &view : nullptr; }

void divide_all(std::int64_t count, double* values, double by) {
    std::transform(values, values + count, values, [by](double value) { return value / by; });
}

void move_running(const TensorView& running, const double* value, double momentum, const TensorView& moved) {
    if (running.data != nullptr) batch_norm_move(running, value, momentum, moved);
}

// Running values in float64: the mean, and 1 / sqrt(var + eps).
void read_running(const TensorView& mean, const TensorView& var, double eps, double* means, double* inverse) {
    const std::int64_t channels = mean.shape[0];
    dispatch_real(mean.dtype, [&](auto zero) {
        using T = decltype(zero);
        std::copy_n(mean.as<T>(), channels, means);
        std::copy_n(var.as<T>(), channels, inverse);
    });
    batch_norm_inverse(channels, inverse, eps, inverse);
}

}  // namespace

std::int64_t batch_norm_workspace(const TensorView& x) {
    const auto item = static_cast<std::int64_t>(sizeof(double));
    return checked_product("batch_norm", (kinds_of_values + 2 * x.shape[0]) * item, channels_of(x));
}

BatchNormForward::BatchNormForward(const Views& views, double momentum, double eps, bool unbiased, void* workspace)
    : v_(views),
      momentum_(momentum),
      eps_(eps),
      unbiased_(unbiased),
      sums_(sums_in(workspace, views.x, 0)),
      numbers_(std::make_shared<ChannelNumbers>(views.x.dtype, channels_of(views.x))) {}

void BatchNormForward::sum(Range samples) const { batch_norm_sums(samples, v_.x, sums_); }

void BatchNormForward::centre() const {
    batch_norm_total(v_.x, sums_, v_.mean.as<double>());
    divide_all(channels_of(v_.x), v_.mean.as<double>(), count_of(v_.x));
}

void BatchNormForward::square(Range samples) const { batch_norm_squares(samples, v_.x, v_.mean.as<double>(), sums_); }

void BatchNormForward::finish() const {
    const std::int64_t channels = channels_of(v_.x);
    const double count = count_of(v_.x);
    double* const var = sums_ - kinds_of_values * channels;
    batch_norm_total(v_.x, sums_, var);
    divide_all(channels, var, count);
    batch_norm_inverse(channels, var, eps_, v_.inverse.as<double>());
    numbers_->set_mean(v_.mean.as<double>());
    numbers_->set_scale(v_.inverse.as<double>(), if_there(v_.weight));
    numbers_->set_bias(if_there(v_.bias));
    move_running(v_.running_mean, v_.mean.as<double>(), momentum_, v_.new_mean);
    const double freedom = unbiased_ ? count - 1 : count;
    std::transform(var, var + channels, var, [=](double value) { return value * count / freedom; });
    move_running(v_.running_var, var, momentum_, v_.new_var);
}

void BatchNormForward::normalise(Range samples) const { numbers_->normalise(samples, v_.x, v_.y); }

BatchNormInference::BatchNormInference(const Views& views, double eps, void* workspace)
    : v_(views),
      eps_(eps),
      values_(values_in(workspace, views.x, 0)),
      numbers_(std::make_shared<ChannelNumbers>(views.x.dtype, channels_of(views.x))) {}

void BatchNormInference::begin() const {
    double* const inverse = values_ + channels_of(v_.x);
    read_running(v_.running_mean, v_.running_var, eps_, values_, inverse);
    numbers_->set_mean(values_);
    numbers_->set_scale(inverse, if_there(v_.weight));
    numbers_->set_bias(if_there(v_.bias));
}

void BatchNormInference::normalise(Range samples) const { numbers_->normalise(samples, v_.x, v_.y); }

BatchNormBackward::BatchNormBackward(const Views& views, bool training, double eps, void* workspace)
    : v_(views),
      training_(training),
      eps_(eps),
      mean_(training ? views.mean.as<double>() : values_in(workspace, views.x, 2)),
      inverse_(training ? views.second.as<double>() : values_in(workspace, views.x, 3)),
      values_(values_in(workspace, views.x, 0)),
      sums_(sums_in(workspace, views.x, 0)),
      products_(sums_in(workspace, views.x, 1)),
      numbers_(std::make_shared<ChannelNumbers>(views.x.dtype, channels_of(views.x))) {}

void BatchNormBackward::begin() const {
    const std::int64_t channels = channels_of(v_.x);
    if (!training_) read_running(v_.mean, v_.second, eps_, values_ + 2 * channels, values_ + 3 * channels);
}

void BatchNormBackward::multiply(Range samples) const {
    batch_norm_products(samples, v_.grad_y, v_.x, mean_, sums_, products_);
}

void BatchNormBackward::finish() const {
    const std::int64_t channels = channels_of(v_.x);
    double *const total = values_, *const product = values_ + channels;
    batch_norm_total(v_.x, sums_, total);
    batch_norm_total(v_.x, products_, product);
    dispatch_real(v_.x.dtype, [&](auto zero) {
        using T = decltype(zero);
        for (std::int64_t c = 0; c < channels; ++c) {
            v_.grad_weight.as<T>()[c] = static_cast<T>(product[c] * inverse_[c]);
            v_.grad_bias.as<T>()[c] = static_cast<T>(total[c]);
            product[c] = inverse_[c] * inverse_[c] * product[c];
        }
    });
    divide_all(channels, total, count_of(v_.x));
    divide_all(channels, product, count_of(v_.x));
    numbers_->set_scale(inverse_, if_there(v_.weight));
    if (!training_) return;
    numbers_->set_mean(mean_);
    numbers_->set_sums(total, product);
}

void BatchNormBackward::apply(Range samples) const {
    training_ ? numbers_->backward(samples, v_.grad_y, v_.x, v_.grad_x)
              : numbers_->normalise(samples, v_.grad_y, v_.grad_x);
}

}  // namespace fastnn
