// threads above | An optimizer's update, whichever it is, of one parameter: settings, and states in the order of the
// optimizer's slots (a missing one: not kept). Formulas: ops/adam.h, ops/sgd.h, ops/rmsprop.h.
#pragma once

#include <memory>
#include <variant>
#include <vector>

#include "ops/adam.h"
#include "ops/rmsprop.h"
#include "ops/sgd.h"

namespace fastnn {

using Settings =
    std::variant<std::shared_ptr<AdamSettings>, std::shared_ptr<SgdSettings>, std::shared_ptr<RmspropSettings>>;

// A parameter with the states that its update changes too.
struct Target {
    TensorView param;
    std::vector<TensorView> states;
};

// One update's kernel, with the numbers of this step: over `count` elements from `offset` of the memory behind param
// and states, their gradients at grad.
template <typename T>
struct Updater {
    std::variant<AdamScalars<T>, SgdScalars<T>, RmspropScalars<T>> scalars;
    T* param;
    T* states[2];

    void operator()(std::int64_t offset, std::int64_t count, const T* grad) const;
};

template <typename T>
Updater<T> make_updater(const Settings& settings, const Target& target);

// Of the optimizer that the settings are of.
const Facts& update_facts(const Settings& settings);

void update_check(const Settings& settings, const Target& target, const TensorView& grad);
void update(Range part, const Settings& settings, const Target& target, const TensorView& grad);

}  // namespace fastnn
