#include "ops/matmul.h"

#include <algorithm>

#include "core/aligned_buffer.h"
#include "core/check.h"
#include "kernels/dispatch.h"

namespace fastnn {

namespace {

// Length of k that one pass over a panel covers: 1,024 rows of 32 floats are 128 KB, an eighth of a 1 MB L2 cache, so
// the panel's block stays there while the row tiles go over it. The chain is stored and resumed: no bits change.
constexpr std::int64_t k_block = 1024;

// Rows of A from which on a panel of B whose rows lie apart is copied together first: at distances of a power of two,
// as weights of 256 outputs have them, its rows meet in a few sets of the caches, and every tile of rows fetches them
// again. Copying costs about what one tile does.
constexpr std::int64_t copied_from = 32;

// At most k_block rows of B, `width` values each (n of them in B), side by side in memory of this thread.
template <typename T>
const T* side_by_side(const T* b, std::int64_t b_row, std::int64_t k, std::int64_t n, std::int64_t width) {
    thread_local AlignedBuffer buffer;
    buffer.grow(static_cast<std::size_t>(k * width) * sizeof(T));
    T* const copied = static_cast<T*>(buffer.data());
    for (std::int64_t i = 0; i < k; ++i) std::copy_n(b + i * b_row, n, copied + i * width);
    return copied;
}

// Rows [rows.begin, rows.end) of A by blocks with their own columns. args is the product of all of them, with B side by
// side.
template <typename T>
void gemm_blocks(const GemmProblem<T>& p, const GemmArgs<T>& all, Range rows) {
    for (std::int64_t row = rows.begin; row < rows.end;) {
        const std::int64_t block = row / live_block, end = std::min(rows.end, (block + 1) * live_block);
        const LiveColumns live = (*p.blocks)[static_cast<std::size_t>(block)];
        GemmArgs<T> args = all;
        args.a += (row - rows.begin) * p.a_row;
        args.c += (row - rows.begin) * p.c_row;
        args.m = end - row;
        args.index = live.columns;
        if (live.columns != nullptr) args.k = live.count;
        kernels<T>().gemm(args);
        row = end;
    }
}

// The same where the rows outside of runs are zero.
template <typename T>
void gemm_runs(const GemmProblem<T>& p, const GemmArgs<T>& all, Range rows) {
    const auto zeros = [&](std::int64_t from, std::int64_t to) {
        for (std::int64_t row = from; row < to; ++row) std::fill_n(all.c + (row - rows.begin) * p.c_row, all.n, T(0));
    };
    std::int64_t done = rows.begin;
    for (const Range& run : *p.runs) {
        const std::int64_t first = std::max(run.begin, done), end = std::min(run.end, rows.end);
        if (first >= end) continue;
        zeros(done, first);
        GemmArgs<T> args = all;
        args.a += (first - rows.begin) * p.a_row;
        args.c += (first - rows.begin) * p.c_row;
        args.m = end - first;
        kernels<T>().gemm(args);
        done = end;
    }
    zeros(done, rows.end);
}

// A part that may leave out zeros, given all but its B; false where it may not after all.
template <typename T>
bool gemm_leaving_out(const GemmProblem<T>& p, GemmArgs<T> args, const T* b, Range rows) {
    const bool by_blocks = p.blocks != nullptr && !p.blocks->empty(), by_runs = p.runs != nullptr && !p.runs->empty();
    if (!(by_blocks || by_runs) || args.n != kernels<T>().panel) return false;
    args.b = side_by_side(b, p.b.row, p.k, args.n, args.n);
    args.b_row = args.n;
    if (!kernels<T>().finite(p.k * args.n, args.b)) return false;
    args.a = p.a + rows.begin * p.a_row;
    args.k = args.segment = p.k;
    args.finish = true;
    args.relu = p.relu;
    by_blocks ? gemm_blocks(p, args, rows) : gemm_runs(p, args, rows);
    return true;
}

}  // namespace

template <typename T>
bool may_leave_out(const GemmProblem<T>& p) {
    const std::int64_t width = kernels<T>().panel;
    return p.b.row != width && p.n >= width && p.m >= copied_from && p.k <= k_block;
}

template <typename T>
void gemm_part(const GemmProblem<T>& p, std::int64_t panel, Range rows) {
    const Kernels<T>& kernel = kernels<T>();
    GemmArgs<T> args{};
    args.a_row = p.a_row;
    args.a_col = p.a_col;
    args.b_row = p.b.row;
    args.c = p.c + panel * p.c_panel + rows.begin * p.c_row;
    args.c_row = p.c_row;
    args.m = rows.end - rows.begin;
    args.n = std::min(kernel.panel, p.n - panel * kernel.panel);
    const bool indexed =
        p.columns.columns != nullptr && args.n == kernel.panel && p.b.row == kernel.panel && p.a_col == 1;
    const bool copies = !indexed && p.b.row != kernel.panel && args.m >= copied_from;
    const std::int64_t length = indexed ? p.columns.count : p.k;
    const T *const a = p.a + rows.begin * p.a_row, *const b = p.b.data + panel * p.b.panel_stride;
    args.bias = p.bias ? p.bias + panel * kernel.panel : nullptr;
    if (copies && gemm_leaving_out(p, args, b, rows)) return;
    std::int64_t start = 0;
    do {
        args.k = std::min(k_block, length - start);
        args.segment = std::max<std::int64_t>(args.k, 1);
        args.a = indexed ? a : a + start * p.a_col;
        args.b = indexed ? b : b + start * p.b.row;
        if (copies) {
            args.b = side_by_side(args.b, p.b.row, args.k, args.n, kernel.panel);
            args.b_row = kernel.panel;
        }
        args.index = indexed ? p.columns.columns + start : nullptr;
        args.resume = start > 0 || p.resumed;
        start += args.k;
        args.finish = start >= length && !p.continued;
        args.bias = args.finish && p.bias ? p.bias + panel * kernel.panel : nullptr;
        args.relu = args.finish && p.relu;
        kernel.gemm(args);
    } while (start < length);
}

// One row, and b and c as rows in memory: this thread's columns at once.
template <typename T>
void gemv(Team& team, const GemmProblem<T>& p) {
    const Range mine = team.share(p.n, kernels<T>().panel);
    if (mine.begin == mine.end) return;
    const bool indexed = p.columns.columns != nullptr && p.a_col == 1;
    kernels<T>().gemv({p.a, p.a_col, p.b.data + mine.begin, p.b.row, p.c + mine.begin, mine.end - mine.begin,
                       indexed ? p.columns.count : p.k, p.bias ? p.bias + mine.begin : nullptr, p.relu,
                       indexed ? p.columns.columns : nullptr});
}

template <typename T>
void gemm(Team& team, const GemmProblem<T>& p) {
    if (p.m == 0 || p.n == 0) return;
    const std::int64_t width = kernels<T>().panel;
    if (p.m == 1 && p.b.panel_stride == width && p.c_panel == width) return gemv(team, p);
    // All panels' rows in one line, cut evenly: whole panels where there are many, rows of one where there are few.
    Range mine = team.share(blocks_of(p.n, width) * p.m);
    while (mine.begin < mine.end) {
        const std::int64_t panel = mine.begin / p.m, first = mine.begin % p.m;
        const std::int64_t rows = std::min(p.m - first, mine.end - mine.begin);
        gemm_part(p, panel, {first, first + rows});
        mine.begin += rows;
    }
}

std::int64_t panels_bytes(DType dtype, std::int64_t n_stride, std::int64_t k, std::int64_t n) {
    if (n_stride == 1) return 0;
    const std::int64_t width = dtype == DType::float64 ? kernels<double>().panel : kernels<float>().panel;
    const std::int64_t columns = checked_product("matmul", blocks_of(n, width), width);
    return checked_product("matmul", checked_product("matmul", columns, k), item_size(dtype));
}

template <typename T>
Panels<T> as_panels(Team& team, const T* b, std::int64_t k_stride, std::int64_t n_stride, std::int64_t k,
                    std::int64_t n, void* workspace) {
    const std::int64_t width = kernels<T>().panel;
    if (n_stride == 1) return {b, k_stride, width};
    T* const packed = static_cast<T*>(workspace);
    const Range rows = team.share(blocks_of(n, width) * k);
    for (std::int64_t i = rows.begin; i < rows.end; ++i) {
        const std::int64_t first = i / k * width, columns = std::min(width, n - first);
        const T* source = b + i % k * k_stride + first * n_stride;
        for (std::int64_t j = 0; j < columns; ++j) packed[i * width + j] = source[j * n_stride];
    }
    team.barrier();
    return {packed, width, k * width};
}

void matmul_check(const TensorView& a, const TensorView& b, const TensorView& c) {
    check_real("matmul", "the first input", a);
    check_dtype("matmul", "the second input", b, a.dtype);
    check_dtype("matmul", "the result", c, a.dtype);
    if (a.rank < 2 || b.rank != a.rank || c.rank != a.rank) {
        fail("matmul", "inputs and result need the same rank of at least 2, got shapes ", shape_text(a), ", ",
             shape_text(b), " and ", shape_text(c));
    }
    const int rows = a.rank - 2, columns = a.rank - 1;
    if (a.shape[columns] != b.shape[rows]) {
        fail("matmul", "the last dimension of the first input ", shape_text(a),
             " must equal the second to last of the second input ", shape_text(b));
    }
    bool fits = c.shape[rows] == a.shape[rows] && c.shape[columns] == b.shape[columns];
    for (int i = 0; i < rows; ++i) fits = fits && a.shape[i] == c.shape[i] && b.shape[i] == c.shape[i];
    if (!fits)
        fail("matmul", shape_text(a), " times ", shape_text(b), " does not give the result's shape ", shape_text(c));
    if (!c.empty() && c.shape[columns] > 1 && c.stride[columns] != 1)
        fail("matmul", "the result's columns must be adjacent in memory");
}

std::int64_t matmul_workspace(const TensorView& b) {
    return panels_bytes(b.dtype, b.stride[b.rank - 1], b.shape[b.rank - 2], b.shape[b.rank - 1]);
}

void matmul(Team& team, const TensorView& a, const TensorView& b, const TensorView& c, void* workspace) {
    dispatch_real(a.dtype, [&](auto zero) {
        using T = decltype(zero);
        const int rows = a.rank - 2, columns = a.rank - 1;
        const std::int64_t m = c.shape[rows], n = c.shape[columns], k = a.shape[columns];
        std::int64_t batches = 1;
        for (int i = 0; i < rows; ++i) batches *= c.shape[i];
        if (m == 0 || n == 0) batches = 0;  // empty results come in any number
        for (std::int64_t batch = 0; batch < batches; ++batch) {
            const T* a_data = a.as<T>();
            const T* b_data = b.as<T>();
            T* c_data = c.as<T>();
            std::int64_t rest = batch;
            for (int i = rows - 1; i >= 0; --i) {
                const std::int64_t index = rest % c.shape[i];
                rest /= c.shape[i];
                a_data += index * a.stride[i];
                b_data += index * b.stride[i];
                c_data += index * c.stride[i];
            }
            const Panels<T> panels = as_panels(team, b_data, b.stride[rows], b.stride[columns], k, n, workspace);
            gemm(team, GemmProblem<T>{m, n, k, a_data, a.stride[rows], a.stride[columns], panels, c_data,
                                      c.stride[rows], kernels<T>().panel});
            if (panels.data == workspace && batch + 1 < batches)
                team.barrier();  // before the workspace is packed again
        }
    });
}

template void gemm(Team&, const GemmProblem<float>&);
template void gemm(Team&, const GemmProblem<double>&);
template bool may_leave_out(const GemmProblem<float>&);
template bool may_leave_out(const GemmProblem<double>&);
template void gemm_part(const GemmProblem<float>&, std::int64_t, Range);
template void gemm_part(const GemmProblem<double>&, std::int64_t, Range);
template Panels<float> as_panels(Team&, const float*, std::int64_t, std::int64_t, std::int64_t, std::int64_t, void*);
template Panels<double> as_panels(Team&, const double*, std::int64_t, std::int64_t, std::int64_t, std::int64_t, void*);

}  // namespace fastnn
