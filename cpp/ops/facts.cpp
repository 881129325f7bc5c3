#include "ops/facts.h"

#include "core/aligned_buffer.h"

namespace fastnn {

Split elements(const TensorView& view) {
    return {view.storage_size(), view.dtype == DType::float64 ? cache_items<double> : cache_items<float>};
}

Split last_rows(const TensorView& view) {
    const std::int64_t length = view.rank == 0 ? 1 : view.shape[view.rank - 1];
    return {length == 0 ? 0 : view.size() / length, 1};
}

Split samples(const TensorView& view) { return {view.rank == 0 ? 1 : view.shape[0], 1}; }

Split whole(const TensorView&) { return {1, 1}; }

Facts& Facts::array(const char* argument) { return attribute(argument, Argument::Kind::array); }

Facts& Facts::optional_array(const char* argument) {
    arguments.push_back({argument, Argument::Kind::optional_array, false});
    return *this;
}

Facts& Facts::attribute(const char* argument, Argument::Kind kind) {
    arguments.push_back({argument, kind});
    return *this;
}

Facts& Facts::attribute(const char* argument, bool value) {
    arguments.push_back({argument, Argument::Kind::boolean, false, value});
    return *this;
}

Facts& Facts::attribute(const char* argument, double value) {
    arguments.push_back({argument, Argument::Kind::real, false, value});
    return *this;
}

Facts& Facts::costs(double each) { return cost = each, *this; }

Facts& Facts::cut(Split (*into)(const TensorView&)) { return split = into, *this; }

Facts& Facts::row_by_row() { return by_rows = true, *this; }

Facts& Facts::broadcasting() { return broadcasts = true, *this; }

Facts& Facts::ends_with(const char* op) { return epilogues.emplace_back(op), *this; }

Facts& Facts::updated_by(const char* instruction, bool in_panels) {
    update = instruction;
    update_in_panels = in_panels;
    return *this;
}

Facts& Facts::panels() { return weight_in_panels = true, *this; }

}  // namespace fastnn
