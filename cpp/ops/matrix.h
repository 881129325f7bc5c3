// A matrix in strided memory, for products.
#pragma once

#include <cstdint>

#include "core/split.h"
#include "core/tensor_view.h"

namespace fastnn {

struct Matrix {
    void* data = nullptr;
    std::int64_t rows = 0, columns = 0, row_stride = 0, column_stride = 0;

    Matrix transposed() const { return {data, columns, rows, column_stride, row_stride}; }

    // Some of its rows.
    Matrix part(Range some, DType dtype) const {
        char* const first = static_cast<char*>(data) + some.begin * row_stride * item_size(dtype);
        return {first, some.end - some.begin, columns, row_stride, column_stride};
    }

    template <typename T>
    T* as() const {
        return static_cast<T*>(data);
    }
};

// The last two dimensions of a view, at its first element.
inline Matrix matrix_of(const TensorView& view) {
    const int rows = view.rank - 2, columns = view.rank - 1;
    return {view.data, view.shape[rows], view.shape[columns], view.stride[rows], view.stride[columns]};
}

}  // namespace fastnn
