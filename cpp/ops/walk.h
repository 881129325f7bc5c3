// threads above | Orders of dimensions: walking dense memory as it lies.
#pragma once

#include <array>
#include <cstdint>

#include "core/tensor_view.h"

namespace fastnn {

// The dimensions of a view from the outermost in memory to the innermost.
class MemoryOrder {
public:
    explicit MemoryOrder(const TensorView& view) : view_(view) {
        for (int i = 0; i < view.rank; ++i) {
            int place = i;  // insertion sort: at most max_rank dimensions
            for (; place > 0 && inside(axes_[static_cast<std::size_t>(place - 1)], i); --place)
                axes_[static_cast<std::size_t>(place)] = axes_[static_cast<std::size_t>(place - 1)];
            axes_[static_cast<std::size_t>(place)] = i;
        }
    }

    // Another view of this rank with its dimensions in this order.
    TensorView applied(const TensorView& view) const {
        TensorView turned = view;
        for (int i = 0; i < view.rank; ++i) {
            turned.shape[i] = view.shape[axes_[static_cast<std::size_t>(i)]];
            turned.stride[i] = view.stride[axes_[static_cast<std::size_t>(i)]];
        }
        return turned;
    }

    // The number in C order of the element that lies at this place of dense memory.
    std::int64_t number_at(std::int64_t place) const {
        std::array<std::int64_t, max_rank> index{};
        for (int i = view_.rank - 1; i >= 0; --i) {
            const int axis = axes_[static_cast<std::size_t>(i)];
            index[static_cast<std::size_t>(axis)] = place % view_.shape[axis];
            place /= view_.shape[axis];
        }
        std::int64_t number = 0;
        for (int i = 0; i < view_.rank; ++i) number = number * view_.shape[i] + index[static_cast<std::size_t>(i)];
        return number;
    }

private:
    // Whether dimension a belongs inside of dimension b; one of a single element may stand anywhere.
    bool inside(int a, int b) const { return step(a) < step(b); }
    std::int64_t step(int axis) const { return view_.shape[axis] == 1 ? 0 : view_.stride[axis]; }

    TensorView view_;
    std::array<int, max_rank> axes_{};
};

}  // namespace fastnn
