// threads above | What a plan derives from a weight in panels, and whether that is up to date.
//
// The gradient of a layer's input is a forward product with the transposed weight, in panels of its own; zeros may be
// left out where the weight is finite. Both are made once and live as long as the plan: an update that keeps them makes
// them anew tile by tile while it is in cache; where a weight is changed in any other way they are forgotten, and made
// again before the next step that reads them.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "plan/schedule.h"

namespace fastnn {

class Derived {
public:
    explicit Derived(const TensorView& weight) : weight_(weight) {}

    const TensorView& weight() const { return weight_; }
    const TensorView& transposed() const { return transposed_; }  // data is null where nobody wants it
    bool finite() const { return fresh_ && finite_.load(std::memory_order_relaxed); }

    void want_transposed(const TensorView& memory);
    void transpose();  // from the weight as it is

    // These inputs of these outputs of the weight have changed: by several threads, each its own.
    template <typename T>
    void follow(Range inputs, std::int64_t panel);

    void make();
    void forget() { fresh_ = false; }
    bool fresh() const { return fresh_; }

private:
    TensorView weight_, transposed_;
    bool fresh_ = false;
    std::atomic<bool> finite_{false};
};

// All of a plan's.
class DerivedWeights {
public:
    Derived* of(const TensorView& weight);
    void written(const TensorView& weight);  // by somebody outside of the plan's steps
    std::deque<Derived>& all() { return derived_; }

private:
    std::deque<Derived> derived_;
};

// How the steps of one program use and change them.
class DerivedUse {
public:
    void reads(Derived* derived) { reads_.push_back(derived); }
    void reads_transposed(Derived* derived);
    void keeps(Derived* derived) { keeps_.push_back(derived); }

    // Looks through the program for what changes a weight without keeping what is derived from it. Other programs may
    // have derived more since the last time.
    void find_spoiled(DerivedWeights& weights, const std::vector<Instruction>& instructions);

    // Those that are to be transposed in each step, as it changes the weight.
    std::vector<Derived*> transposed_each_step() const;

    // Before steps: makes what they read.
    void prepare() const;

private:
    std::vector<Derived*> reads_, reads_transposed_, keeps_, spoils_;
    std::size_t seen_ = 0;  // of the plan's
};

}  // namespace fastnn
