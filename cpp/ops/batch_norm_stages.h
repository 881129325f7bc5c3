// threads above | Batch normalisation in stages (formulas and orders in ops/batch_norm.h): by samples, then the whole,
// in turn, all of a stage before the next begins. What is not there (weight, bias, running values) has no data.
#pragma once

#include <cstdint>
#include <memory>

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "ops/batch_norm.h"

namespace fastnn {

// Of sums of the samples' channels, for any of the following.
std::int64_t batch_norm_workspace(const TensorView& x);

// sum, centre, square, finish, normalise.
class BatchNormForward {
public:
    struct Views {
        TensorView x, weight, bias, running_mean, running_var, y;
        TensorView mean, inverse, new_mean, new_var;  // the first two float64
    };

    BatchNormForward(const Views& views, double momentum, double eps, bool unbiased, void* workspace);
    void sum(Range samples) const;
    void centre() const;
    void square(Range samples) const;
    void finish() const;
    void normalise(Range samples) const;

private:
    Views v_;
    double momentum_, eps_;
    bool unbiased_;
    double* sums_;
    std::shared_ptr<ChannelNumbers> numbers_;
};

// begin, normalise.
class BatchNormInference {
public:
    struct Views {
        TensorView x, weight, bias, running_mean, running_var, y;
    };

    BatchNormInference(const Views& views, double eps, void* workspace);
    void begin() const;
    void normalise(Range samples) const;

private:
    Views v_;
    double eps_;
    double* values_;
    std::shared_ptr<ChannelNumbers> numbers_;
};

// begin, multiply, finish, apply. Of training: with its mean and inverse; else with running values.
class BatchNormBackward {
public:
    struct Views {
        TensorView grad_y, x, weight, mean, second, grad_x, grad_weight, grad_bias;  // second: inverse, or variance
    };

    BatchNormBackward(const Views& views, bool training, double eps, void* workspace);
    void begin() const;
    void multiply(Range samples) const;
    void finish() const;
    void apply(Range samples) const;

private:
    Views v_;
    bool training_;
    double eps_;
    const double *mean_, *inverse_;
    double *values_, *sums_, *products_;
    std::shared_ptr<ChannelNumbers> numbers_;
};

}  // namespace fastnn
