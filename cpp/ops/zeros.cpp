#include "ops/zeros.h"

#include <algorithm>

#include "kernels/dispatch.h"

namespace fastnn {

std::int64_t live_columns_room(const TensorView& x) { return x.shape[1] + index_ahead; }

LiveColumns find_live_columns(const TensorView& x, std::int32_t* columns) {
    std::int64_t live = 0;
    dispatch_real(x.dtype, [&](auto zero) {
        live = kernels<decltype(zero)>().live_columns(x.shape[0], x.shape[1], x.as<decltype(zero)>(), x.stride[0],
                                                      columns);
    });
    return {columns, live};
}

// A product with an index costs about a tenth more for each column.
bool leaving_out_pays(std::int64_t live, std::int64_t columns) { return live * 8 <= columns * 7; }

bool all_finite(const TensorView& weight) {
    bool all = false;
    dispatch_real(weight.dtype, [&](auto zero) {
        using T = decltype(zero);
        all = kernels<T>().finite(weight.storage_size(), weight.as<T>());
    });
    return all;
}

namespace {

// Memory for the columns of `blocks` blocks of rows, for the calling thread.
std::int32_t* columns_of_thread(const TensorView& x, std::int64_t blocks) {
    thread_local std::vector<std::int32_t> columns;
    columns.resize(static_cast<std::size_t>(live_columns_room(x) * blocks));
    return columns.data();
}

// One row tells of the others: dense inputs cost one look at a row.
bool looks_promising(const TensorView& x) {
    if (x.shape[0] == 0 || x.stride[1] != 1) return false;
    const std::int64_t live = find_live_columns(x.rows(0, 1), columns_of_thread(x, 1)).count;
    return leaving_out_pays(live, x.shape[1]);
}

}  // namespace

const std::vector<LiveColumns>& find_live_blocks(const TensorView& x) {
    thread_local std::vector<LiveColumns> blocks;
    blocks.clear();
    if (!looks_promising(x)) return blocks;
    const std::int64_t count = blocks_of(x.shape[0], live_block);
    std::int32_t* const columns = columns_of_thread(x, count);
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t rows = std::min(live_block, x.shape[0] - i * live_block);
        const LiveColumns found = find_live_columns(x.rows(i * live_block, rows), columns + i * live_columns_room(x));
        blocks.push_back(leaving_out_pays(found.count, x.shape[1]) ? found : LiveColumns{});
    }
    return blocks;
}

const std::vector<Range>& find_live_runs(const TensorView& x) {
    thread_local std::vector<Range> runs;
    runs.clear();
    if (!looks_promising(x)) return runs;
    const LiveColumns live = find_live_columns(x, columns_of_thread(x, 1));
    if (!leaving_out_pays(live.count, x.shape[1])) return runs;
    for (std::int64_t i = 0; i < live.count; ++i) {
        const std::int64_t column = live.columns[i];
        if (runs.empty() || column - runs.back().end >= shortest_gap) runs.push_back({column, column});
        runs.back().end = column + 1;
    }
    if (runs.empty()) runs.push_back({0, 0});  // all are zero
    return runs;
}

}  // namespace fastnn
