// threads above | What updates of parameters have in common: the parameter with its states and settings.
#pragma once

#include "ops/update.h"
#include "plan/plan.h"

namespace fastnn {

// A task of a plain update: elements, 16 KB of each array.
constexpr std::int64_t update_items = 4096;

// The parameter with its states, and settings that will advance.
struct Updated {
    Settings settings;
    Target target;
};

Updated updated(Call& call, const TensorView& grad);

// An instruction that changes its outputs, which are a parameter and its states.
Instruction make_update(const Call& call);

}  // namespace fastnn
