#include "ops/zeros.h"

#include <algorithm>

#include "kernels/dispatch.h"

namespace fastnn {

std::int64_t live_columns_room(const TensorView& x) { return x.shape[1] + index_ahead; }

namespace {

LiveColumns find_live(DType dtype, const void* data, std::int64_t rows, const Matrix& x, std::int32_t* columns) {
    std::int64_t live = 0;
    dispatch_real(dtype, [&](auto zero) {
        using T = decltype(zero);
        live = kernels<T>().live_columns(rows, x.columns, static_cast<const T*>(data), x.row_stride, columns);
    });
    return {columns, live};
}

// `count` rows from row `first` on.
LiveColumns find_live_rows(DType dtype, const Matrix& x, std::int64_t first, std::int64_t count,
                           std::int32_t* columns) {
    const char* const data = x.as<const char>() + first * x.row_stride * item_size(dtype);
    return find_live(dtype, data, count, x, columns);
}

}  // namespace

LiveColumns find_live_columns(const TensorView& x, std::int32_t* columns) {
    return find_live(x.dtype, x.data, x.shape[0], matrix_of(x), columns);
}

// A product with an index costs about a tenth more for each column.
bool leaving_out_pays(std::int64_t live, std::int64_t columns) { return live * 8 <= columns * 7; }

bool all_finite(const TensorView& x, Range part) {
    bool all = false;
    dispatch_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        all = kernels<T>().finite(part.end - part.begin, x.as<T>() + part.begin);
    });
    return all;
}

bool all_finite(const TensorView& x) { return all_finite(x, {0, x.storage_size()}); }

namespace {

// Memory for the columns of `blocks` blocks of rows, for the calling thread.
std::int64_t room(const Matrix& x) { return x.columns + index_ahead; }
std::int32_t* columns_of_thread(const Matrix& x, std::int64_t blocks) {
    thread_local std::vector<std::int32_t> columns;
    columns.resize(static_cast<std::size_t>(room(x) * blocks));
    return columns.data();
}

// One row tells of the others: dense inputs cost one look at a row.
bool looks_promising(DType dtype, const Matrix& x) {
    if (x.rows == 0 || x.column_stride != 1) return false;
    return leaving_out_pays(find_live_rows(dtype, x, 0, 1, columns_of_thread(x, 1)).count, x.columns);
}

}  // namespace

const std::vector<LiveColumns>& find_live_blocks(DType dtype, const Matrix& x) {
    thread_local std::vector<LiveColumns> blocks;
    blocks.clear();
    if (!looks_promising(dtype, x)) return blocks;
    const std::int64_t count = blocks_of(x.rows, live_block);
    std::int32_t* const columns = columns_of_thread(x, count);
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t first = i * live_block, rows = std::min(live_block, x.rows - first);
        const LiveColumns found = find_live_rows(dtype, x, first, rows, columns + i * room(x));
        blocks.push_back(leaving_out_pays(found.count, x.columns) ? found : LiveColumns{});
    }
    return blocks;
}

LiveColumns find_live_in_all(DType dtype, const Matrix& x) {
    if (!looks_promising(dtype, x)) return {};
    const LiveColumns live = find_live_rows(dtype, x, 0, x.rows, columns_of_thread(x, 1));
    return leaving_out_pays(live.count, x.columns) ? live : LiveColumns{};
}

}  // namespace fastnn
