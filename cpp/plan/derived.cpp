#include "plan/derived.h"

#include <algorithm>

#include "kernels/dispatch.h"
#include "ops/dense.h"
#include "ops/zeros.h"

namespace fastnn {

namespace {

bool holds(const std::vector<Derived*>& some, const Derived* one) {
    return std::find(some.begin(), some.end(), one) != some.end();
}

}  // namespace

void Derived::want_transposed(const TensorView& memory) {
    transposed_ = memory;
    fresh_ = false;
}

void Derived::transpose() { transpose_panels(weight_, transposed_, {0, weight_.panels.in}, {0, weight_.panels.out}); }

template <typename T>
void Derived::follow(Range inputs, std::int64_t panel) {
    const std::int64_t width = weight_.panels.width, first = panel * width;
    const T* const changed = weight_.as<T>() + weight_.panels.place(inputs.begin, first);
    if (!kernels<T>().finite((inputs.end - inputs.begin) * width, changed)) finite_ = false;
    if (transposed_.data == nullptr) return;
    transpose_panels(weight_, transposed_, inputs, {first, std::min(first + width, weight_.panels.out)});
}

void Derived::make() {
    if (transposed_.data != nullptr) transpose();
    finite_ = all_finite(weight_);
    fresh_ = true;
}

Derived* DerivedWeights::of(const TensorView& weight) {
    for (Derived& each : derived_) {
        if (each.weight().data == weight.data) return &each;
    }
    return &derived_.emplace_back(weight);
}

void DerivedWeights::written(const TensorView& weight) {
    for (Derived& each : derived_) {
        if (each.weight().data == weight.data) each.forget();
    }
}

void DerivedUse::reads_transposed(Derived* derived) {
    reads(derived);
    if (!holds(reads_transposed_, derived)) reads_transposed_.push_back(derived);
}

void DerivedUse::find_spoiled(DerivedWeights& weights, const std::vector<Instruction>& instructions) {
    for (; seen_ < weights.all().size(); ++seen_) {
        Derived* const each = &weights.all()[seen_];
        const Access weight = access_of(each->weight(), true);
        const auto changes = [&weight](const Instruction& instruction) {
            return std::any_of(instruction.accesses.begin(), instruction.accesses.end(), [&](const Access& a) {
                return a.writes && a.begin < weight.end && weight.begin < a.end;
            });
        };
        const bool changed = std::any_of(instructions.begin(), instructions.end(), changes);
        if (changed && !holds(keeps_, each)) spoils_.push_back(each);
    }
}

std::vector<Derived*> DerivedUse::transposed_each_step() const {
    std::vector<Derived*> both;
    for (Derived* const each : reads_transposed_) {
        if (holds(spoils_, each)) both.push_back(each);
    }
    return both;
}

void DerivedUse::prepare() const {
    for (Derived* const each : reads_) {
        if (!each->fresh()) each->make();
    }
    for (Derived* const each : spoils_) each->forget();
}

template void Derived::follow<float>(Range, std::int64_t);
template void Derived::follow<double>(Range, std::int64_t);

}  // namespace fastnn
