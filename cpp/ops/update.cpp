#include "ops/update.h"

#include "core/check.h"
#include "kernels/dispatch.h"
#include "ops/optimizer.h"

namespace fastnn {

template <typename T>
void Updater<T>::operator()(std::int64_t offset, std::int64_t count, const T* grad) const {
    T* const first = states[0] ? states[0] + offset : nullptr;
    T* const second = states[1] ? states[1] + offset : nullptr;
    if (const auto* const adam = std::get_if<AdamScalars<T>>(&scalars)) {
        kernels<T>().adam(count, param + offset, grad, first, second, *adam);
    } else if (const auto* const sgd = std::get_if<SgdScalars<T>>(&scalars)) {
        kernels<T>().sgd(count, param + offset, grad, first, *sgd);
    } else {
        kernels<T>().rmsprop(count, param + offset, grad, first, second, std::get<RmspropScalars<T>>(scalars));
    }
}

namespace {

template <typename T>
AdamScalars<T> scalars_of(const AdamSettings& settings) {
    return adam_scalars<T>(settings);
}
template <typename T>
SgdScalars<T> scalars_of(const SgdSettings& settings) {
    return sgd_scalars<T>(settings);
}
template <typename T>
RmspropScalars<T> scalars_of(const RmspropSettings& settings) {
    return rmsprop_scalars<T>(settings);
}

}  // namespace

template <typename T>
Updater<T> make_updater(const Settings& settings, const Target& target) {
    const auto state = [&](std::size_t i) { return i < target.states.size() ? target.states[i].as<T>() : nullptr; };
    Updater<T> made{{}, target.param.as<T>(), {state(0), state(1)}};
    std::visit([&made](const auto& each) { made.scalars = scalars_of<T>(*each); }, settings);
    return made;
}

void update_check(const Settings& settings, const Target& target, const TensorView& grad) {
    const auto slot = [&](std::size_t i) { return i < target.states.size() ? &target.states[i] : nullptr; };
    if (std::holds_alternative<std::shared_ptr<AdamSettings>>(settings)) {
        if (target.states.size() != 2) fail("adam", "got ", target.states.size(), " state arrays, Adam has 2");
        adam_check(target.param, grad, target.states[0], target.states[1]);
    } else if (std::holds_alternative<std::shared_ptr<SgdSettings>>(settings)) {
        sgd_check(target.param, grad, slot(0));
    } else {
        if (target.states.empty()) fail("rmsprop", "got 0 state arrays, RMSprop has square_avg at least");
        rmsprop_check(target.param, grad, target.states[0], slot(1));
    }
}

const Facts& update_facts(const Settings& settings) {
    if (std::holds_alternative<std::shared_ptr<AdamSettings>>(settings)) return adam_facts;
    return std::holds_alternative<std::shared_ptr<SgdSettings>>(settings) ? sgd_facts : rmsprop_facts;
}

void update(Range part, const Settings& settings, const Target& target, const TensorView& grad) {
    dispatch_real(target.param.dtype, [&](auto zero) {
        using T = decltype(zero);
        make_updater<T>(settings, target)(part.begin, part.end - part.begin, grad.as<T>() + part.begin);
    });
}

template struct Updater<float>;
template struct Updater<double>;
template Updater<float> make_updater(const Settings&, const Target&);
template Updater<double> make_updater(const Settings&, const Target&);

}  // namespace fastnn
