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

// Rows [rows.begin, rows.end) of A by blocks with their own columns. all: the product of all of them, with B side by
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

// The live ones of some rows, of whose numbers rows.begin is the first of args; the others stay.
template <typename T>
void gemm_listed(GemmArgs<T> args, Range rows, const LiveColumns& live) {
    const std::int32_t* const end = live.columns + live.count;
    args.rows = std::lower_bound(live.columns, end, rows.begin);
    args.m = std::lower_bound(args.rows, end, rows.end) - args.rows;
    args.a -= rows.begin * args.a_row;
    args.c -= rows.begin * args.c_row;
    kernels<T>().gemm(args);
}

// The same; the others become zeros.
template <typename T>
void gemm_live(const GemmArgs<T>& args, Range rows, const LiveColumns& live) {
    const auto clear = [&](std::int64_t from, std::int64_t to) {
        for (std::int64_t row = from; row < to; ++row)
            std::fill_n(args.c + (row - rows.begin) * args.c_row, args.n, T(0));
    };
    const std::int32_t* const end = live.columns + live.count;
    const std::int32_t* next = std::lower_bound(live.columns, end, rows.begin);
    std::int64_t row = rows.begin;
    for (; next != end && *next < rows.end; row = *next++ + 1) clear(row, *next);
    clear(row, rows.end);
    gemm_listed(args, rows, live);
}

// How a panel of a product is gone through.
enum class Way {
    plain,    // B as it lies
    copied,   // rows of B lie apart: they are copied together first
    indexed,  // the live columns of A only
};

template <typename T>
Way way_of(const GemmProblem<T>& p, std::int64_t rows, std::int64_t columns) {
    const std::int64_t width = kernels<T>().panel;
    if (p.columns.columns != nullptr && columns == width && p.b.row == width && p.a_col == 1) return Way::indexed;
    return p.b.row != width && rows >= copied_from ? Way::copied : Way::plain;
}

// What the kernel is told of a panel's rows, all but A, B and k.
template <typename T>
GemmArgs<T> args_of(const GemmProblem<T>& p, std::int64_t panel, Range rows) {
    const std::int64_t width = kernels<T>().panel;
    GemmArgs<T> args{};
    args.a_row = p.a_row;
    args.a_col = p.a_col;
    args.b_row = p.b.row;
    args.c = p.c + panel * width + rows.begin * p.c_row;
    args.c_row = p.c_row;
    args.m = rows.end - rows.begin;
    args.n = std::min(width, p.n - panel * width);
    return args;
}

// The last kernel call of a chain: what follows on its sum.
template <typename T>
void set_end(GemmArgs<T>& args, const GemmProblem<T>& p, std::int64_t panel) {
    args.bias = p.bias ? p.bias + panel * kernels<T>().panel : nullptr;
    args.relu = p.relu;
}

// A panel whose zeros may be left out; false where B is not finite, or there are none.
template <typename T>
bool gemm_leaving_out(const GemmProblem<T>& p, std::int64_t panel, Range rows, const T* b) {
    const bool by_blocks = p.blocks != nullptr && !p.blocks->empty(), by_rows = p.rows.columns != nullptr;
    GemmArgs<T> args = args_of(p, panel, rows);
    if (!(by_blocks || by_rows) || args.n != kernels<T>().panel) return false;
    args.b = side_by_side(b, p.b.row, p.k, args.n, args.n);
    args.b_row = args.n;
    if (!kernels<T>().finite(p.k * args.n, args.b)) return false;
    args.a = p.a + rows.begin * p.a_row;
    args.k = p.k;
    set_end(args, p, panel);
    by_blocks ? gemm_blocks(p, args, rows) : gemm_live(args, rows, p.rows);
    return true;
}

// Whether zeros are looked for in a product: its B is copied together, panel by panel, and at once.
template <typename T>
bool may_leave_out(const GemmProblem<T>& p) {
    const std::int64_t width = kernels<T>().panel;
    return p.b.row != width && p.n >= width && p.m >= copied_from && p.k <= k_block;
}

}  // namespace

std::int64_t panel_width(DType dtype) {
    return dtype == DType::float64 ? kernels<double>().panel : kernels<float>().panel;
}

template <typename T>
void gemm_part(const GemmProblem<T>& p, std::int64_t panel, Range rows) {
    const Kernels<T>& kernel = kernels<T>();
    GemmArgs<T> args = args_of(p, panel, rows);
    const Way way = way_of(p, args.m, args.n);
    const T *const a = p.a + rows.begin * p.a_row, *const b = p.b.data + panel * p.b.panel_stride;
    if (way == Way::copied && gemm_leaving_out(p, panel, rows, b)) return;
    const std::int64_t length = way == Way::indexed ? p.columns.count : p.k;
    if (way == Way::copied) args.b_row = kernel.panel;
    std::int64_t start = 0;
    do {
        args.k = std::min(k_block, length - start);
        args.a = way == Way::indexed ? a : a + start * p.a_col;
        args.b = way == Way::indexed ? b : b + start * p.b.row;
        if (way == Way::copied) args.b = side_by_side(args.b, p.b.row, args.k, args.n, kernel.panel);
        args.index = way == Way::indexed ? p.columns.columns + start : nullptr;
        args.resume = start > 0 || p.resumed;
        start += args.k;
        if (start >= length && !p.continued) set_end(args, p, panel);
        kernel.gemm(args);
    } while (start < length);
}

template <typename T>
void gemm_live_rows(const GemmProblem<T>& p, Range rows, const LiveColumns& live) {
    if (p.n < kernels<T>().panel) return gemm_part(p, 0, {0, p.m});
    GemmArgs<T> args = args_of(p, 0, {0, p.m});
    args.a = p.a;
    args.b = p.b.data;
    args.k = p.k;
    args.resume = p.resumed;
    gemm_listed(args, rows, live);
}

namespace {

// One row, and b as rows in memory: some columns at once.
template <typename T>
void gemv(Range columns, const GemmProblem<T>& p) {
    const bool indexed = p.columns.columns != nullptr && p.a_col == 1;
    GemvArgs<T> args{};
    args.x = p.a;
    args.x_step = p.a_col;
    args.b = p.b.data + columns.begin;
    args.b_row = p.b.row;
    args.y = p.c + columns.begin;
    args.n = columns.end - columns.begin;
    args.k = indexed ? p.columns.count : p.k;
    args.bias = p.bias ? p.bias + columns.begin : nullptr;
    args.relu = p.relu;
    args.index = indexed ? p.columns.columns : nullptr;
    kernels<T>().gemv(args);
}

// Panels' rows in line, each row of b cut into panels.
Split pack_split_of(const Matrix& b, DType dtype) { return {blocks_of(b.columns, panel_width(dtype)) * b.rows, 1}; }

// Bytes of b in panels.
std::int64_t packed_bytes(const Matrix& b, DType dtype) {
    const std::int64_t width = panel_width(dtype);
    const std::int64_t columns = checked_product("matmul", blocks_of(b.columns, width), width);
    return checked_product("matmul", checked_product("matmul", columns, b.rows), item_size(dtype));
}

template <typename T>
void pack_rows(Range rows, const Matrix& b, T* packed) {
    const std::int64_t width = kernels<T>().panel;
    for (std::int64_t i = rows.begin; i < rows.end; ++i) {
        const std::int64_t first = i / b.rows * width, columns = std::min(width, b.columns - first);
        const T* const source = b.as<T>() + i % b.rows * b.row_stride + first * b.column_stride;
        for (std::int64_t j = 0; j < columns; ++j) packed[i * width + j] = source[j * b.column_stride];
    }
}

template <typename T>
GemmProblem<T> problem_of(const Product& product) {
    const Matrix &a = product.a, &b = product.b, &c = product.c;
    const std::int64_t width = kernels<T>().panel;
    GemmProblem<T> p;
    p.m = c.rows;
    p.n = c.columns;
    p.k = a.columns;
    p.a = a.as<T>();
    p.a_row = a.row_stride;
    p.a_col = a.column_stride;
    p.b = {b.as<T>(), b.row_stride, width};
    if (product.panels) p.b = {b.as<T>(), product.panels.width, p.k * product.panels.width};
    if (product.packs()) p.b = {static_cast<const T*>(product.workspace), width, p.k * width};
    p.c = c.as<T>();
    p.c_row = c.row_stride;
    p.bias = static_cast<const T*>(product.bias);
    p.relu = product.relu;
    p.columns = product.columns;
    return p;
}

// One row times rows of b in memory is gone through by columns, anything else by panels.
bool by_columns(const Product& product) { return product.c.rows == 1 && !product.panels && !product.packs(); }

}  // namespace

const Facts matmul_facts = Facts("matmul").array("a").array("b");

std::int64_t Product::workspace_bytes() const { return packs() ? packed_bytes(b, dtype) : 0; }

Split Product::pack_split() const { return packs() ? pack_split_of(b, dtype) : Split{}; }

void Product::pack(Range part) const {
    dispatch_real(dtype, [&](auto zero) { pack_rows(part, b, static_cast<decltype(zero)*>(workspace)); });
}

// All panels' rows in one line, so that even parts are whole panels where there are many, rows of one where there are
// few.
Split Product::split() const {
    const std::int64_t width = panel_width(dtype);
    if (by_columns(*this)) return {c.columns, width};
    return {blocks_of(c.columns, width) * c.rows, 1};
}

void Product::multiply(Range part) const {
    dispatch_real(dtype, [&](auto zero) {
        using T = decltype(zero);
        GemmProblem<T> p = problem_of<T>(*this);
        if (by_columns(*this)) return gemv(part, p);
        if (zeros != Zeros::kept && may_leave_out(p)) {
            if (zeros == Zeros::by_blocks) p.blocks = &find_live_blocks(dtype, a);
            if (zeros == Zeros::by_rows) p.rows = find_live_in_all(dtype, a.transposed());
        }
        while (part.begin < part.end) {
            const std::int64_t panel = part.begin / p.m, first = part.begin % p.m;
            const std::int64_t rows = std::min(p.m - first, part.end - part.begin);
            gemm_part(p, panel, {first, first + rows});
            part.begin += rows;
        }
    });
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
        fail("matmul", "the result's columns must be adjacent in memory, got ", layout_text(c));
}

namespace {

// The matrices of the leading dimensions of a view, in C order; those that a stride of 0 repeats count once.
class Batches {
public:
    explicit Batches(const TensorView& view) : view_(view) {}

    std::int64_t distinct() const {
        std::int64_t count = 1;
        for (int i = 0; i < view_.rank - 2; ++i) count *= view_.stride[i] == 0 ? 1 : view_.shape[i];
        return count;
    }

    std::int64_t all() const {
        std::int64_t count = 1;
        for (int i = 0; i < view_.rank - 2; ++i) count *= view_.shape[i];
        return count;
    }

    // Number `number` of all, and which of the distinct ones it is.
    Matrix operator[](std::int64_t number) const {
        std::int64_t rest = number, offset = 0;
        for (int i = view_.rank - 3; i >= 0; --i) {
            offset += rest % view_.shape[i] * view_.stride[i];
            rest /= view_.shape[i];
        }
        Matrix matrix = matrix_of(view_);
        matrix.data = view_.as<char>() + offset * item_size(view_.dtype);
        return matrix;
    }
    std::int64_t distinct_number(std::int64_t number) const {
        std::int64_t rest = number, found = 0, weight = 1;
        for (int i = view_.rank - 3; i >= 0; --i) {
            if (view_.stride[i] != 0) {
                found += rest % view_.shape[i] * weight;
                weight *= view_.shape[i];
            }
            rest /= view_.shape[i];
        }
        return found;
    }

    // The first of all that is this one of the distinct ones.
    Matrix distinct_matrix(std::int64_t found) const {
        std::int64_t offset = 0;
        for (int i = view_.rank - 3; i >= 0; --i) {
            if (view_.stride[i] == 0) continue;
            offset += found % view_.shape[i] * view_.stride[i];
            found /= view_.shape[i];
        }
        Matrix matrix = matrix_of(view_);
        matrix.data = view_.as<char>() + offset * item_size(view_.dtype);
        return matrix;
    }

private:
    const TensorView& view_;
};

bool packs(const TensorView& b) { return b.stride[b.rank - 1] != 1 && b.size() != 0; }

// Bytes of panels up to which all matrices of a batch are packed at once, in a stage of its own: the L3 of the machines
// met so far. Small matrices take up to a panel's width more in panels than as they are; of many, each is packed by the
// thread that multiplies with it.
constexpr std::int64_t packed_at_once = 32 << 20;

std::int64_t all_packed_bytes(const TensorView& b) {
    return checked_product("matmul", Batches(b).distinct(), packed_bytes(matrix_of(b), b.dtype));
}

bool packs_at_once(const TensorView& b) { return packs(b) && all_packed_bytes(b) <= packed_at_once; }

// A matrix in panels, in memory of this thread.
void* packed_alone(const Product& product) {
    thread_local AlignedBuffer buffer;
    buffer.grow(static_cast<std::size_t>(product.workspace_bytes()));
    return buffer.data();
}

// Cuts a part of several lines of so many units each, one behind the other, and calls f(line, part of it).
template <typename F>
void for_each_line(Range part, std::int64_t units, F f) {
    if (part.begin >= part.end) return;
    std::int64_t line = part.begin / units, first = part.begin % units;
    for (std::int64_t left = part.end - part.begin; left > 0; ++line, first = 0) {
        const std::int64_t end = std::min(units, first + left);
        f(line, Range{first, end});
        left -= end - first;
    }
}

}  // namespace

std::int64_t matmul_workspace(const TensorView& b) { return packs_at_once(b) ? all_packed_bytes(b) : 0; }

Split matmul_pack_split(const TensorView& b) {
    if (!packs_at_once(b)) return {};
    return {Batches(b).distinct() * pack_split_of(matrix_of(b), b.dtype).units, 1};
}

void matmul_pack(Range part, const TensorView& b, void* workspace) {
    const Batches batches(b);
    const std::int64_t units = pack_split_of(matrix_of(b), b.dtype).units;
    for_each_line(part, units, [&](std::int64_t batch, Range rows) {
        char* const packed = static_cast<char*>(workspace) + batch * packed_bytes(matrix_of(b), b.dtype);
        dispatch_real(b.dtype, [&](auto zero) {
            pack_rows(rows, batches.distinct_matrix(batch), reinterpret_cast<decltype(zero)*>(packed));
        });
    });
}

namespace {

// Units of one matrix of the result: all of it where its thread packs b.
std::int64_t batch_units(const TensorView& b, const TensorView& c) {
    if (packs(b) && !packs_at_once(b)) return 1;
    return blocks_of(c.shape[c.rank - 1], panel_width(c.dtype)) * c.shape[c.rank - 2];
}

}  // namespace

Split matmul_split(const TensorView& b, const TensorView& c) {
    return {c.size() == 0 ? 0 : Batches(c).all() * batch_units(b, c), 1};
}

void matmul(Range part, const TensorView& a, const TensorView& b, const TensorView& c, void* workspace) {
    const Batches left(a), right(b), results(c);
    const std::int64_t count = batch_units(b, c);
    for_each_line(part, count, [&](std::int64_t batch, Range units) {
        Product product;
        product.dtype = c.dtype;
        product.a = left[batch];
        product.b = right[batch];
        product.c = results[batch];
        if (packs_at_once(b)) {
            const std::int64_t bytes = packed_bytes(product.b, b.dtype);
            product.workspace = static_cast<char*>(workspace) + right.distinct_number(batch) * bytes;
        } else if (product.packs()) {
            product.workspace = packed_alone(product);
            product.pack(product.pack_split().all());
        }
        const std::int64_t all = product.split().units;  // of a single row by columns: more than one a panel
        product.multiply({units.begin * all / count, units.end * all / count});
    });
}

template void gemm_part(const GemmProblem<float>&, std::int64_t, Range);
template void gemm_part(const GemmProblem<double>&, std::int64_t, Range);
template void gemm_live_rows(const GemmProblem<float>&, Range, const LiveColumns&);
template void gemm_live_rows(const GemmProblem<double>&, Range, const LiveColumns&);

}  // namespace fastnn
