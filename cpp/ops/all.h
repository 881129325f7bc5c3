// threads above | The ops: lists that the bindings and the plan's registry go through.
#pragma once

#include <vector>

#include "ops/loss.h"
#include "ops/map.h"

namespace fastnn {

const std::vector<const Map*>& maps();
const std::vector<const MapBackward*>& maps_backward();
const std::vector<const Loss*>& losses();

// Of all ops that a recording may have, those of the lists above included.
const std::vector<const Facts*>& all_facts();

}  // namespace fastnn
