// threads above | Zeros in the left operand of a product: what they would be multiplied with need not be read, if it is
// finite. Kernel text: kernels/cpu/zeros.inl.
//
// A zero adds nothing to a chain of products, and the + 0.0 at the end of each chain makes the signs of zeros agree: no
// bits change.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor_view.h"
#include "ops/matrix.h"

namespace fastnn {

// The columns of x that are not all zero, ascending; null: all are to be used. Only with a weight that is finite.
struct LiveColumns {
    const std::int32_t* columns = nullptr;
    std::int64_t count = 0;
};

// Finds them, in memory for live_columns_room(x) numbers. x (N, I) with adjacent columns, I below 2^31.
std::int64_t live_columns_room(const TensorView& x);
LiveColumns find_live_columns(const TensorView& x, std::int32_t* columns);

// Whether leaving out the others pays, of so many columns.
bool leaving_out_pays(std::int64_t live, std::int64_t columns);

// Whether no element of dense memory is infinite or NaN: of some, or of all with their padding.
bool all_finite(const TensorView& x, Range part);
bool all_finite(const TensorView& x);

// For products of eager code: the live columns of each block of so many rows, few enough to have zeros in common;
// (null, 0) for a block where looking closer does not pay. Empty where the first row has few zeros. In memory of the
// calling thread, until its next call.
constexpr std::int64_t live_block = 16;
const std::vector<LiveColumns>& find_live_blocks(DType dtype, const Matrix& x);

// The columns that are not zero in all rows, in the same way.
LiveColumns find_live_in_all(DType dtype, const Matrix& x);

}  // namespace fastnn
