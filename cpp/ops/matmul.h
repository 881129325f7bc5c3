// threads above | Matrix products. Kernel text: kernels/cpu/gemm.inl.
//
//   c = a b,  a (..., M, K), b (..., K, N), c (..., M, N)
// Each element of c is one chain of fused multiply-adds over k ascending, starting at zero, then + 0.0: the same bits
// for any number of threads, tile shape and ISA. Work is cut by rows and columns, never by k. c must not overlap a or
// b. a and b may have any strides (0 included: broadcast batches); c has unit stride along N.
#pragma once

#include <cstdint>
#include <vector>

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "ops/facts.h"
#include "ops/matrix.h"
#include "ops/zeros.h"

namespace fastnn {

extern const Facts matmul_facts;

// Elementary operations of a product: some 8 multiply-adds a cycle.
inline double product_cost(std::int64_t m, std::int64_t n, std::int64_t k) {
    return static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) / 8;
}

// Columns of a panel of B: two vectors.
std::int64_t panel_width(DType dtype);

// c = a b, then bias and ReLU, in two stages: b into panels in the workspace, where its rows are not adjacent in
// memory, then the product. Each can be cut; the second begins when the first is done.
struct Product {
    DType dtype = DType::float32;
    Matrix a, b, c;
    PanelLayout panels{};  // of b, where it lies in panels already
    void* workspace = nullptr;
    const void* bias = nullptr;  // a value for each column of c
    bool relu = false;
    LiveColumns columns{};  // of a, in all rows; only where b is finite
    // Zeros of a that are looked for, and left out where b turns out to be finite: columns by blocks of rows, or rows.
    enum class Zeros { kept, by_blocks, by_rows } zeros = Zeros::kept;

    bool packs() const { return !panels && b.column_stride != 1; }
    std::int64_t workspace_bytes() const;
    Split pack_split() const;
    void pack(Range part) const;
    Split split() const;
    void multiply(Range part) const;
};

// B as panels: element (k, n) is data[n / panel * panel_stride + k * row + n % panel].
template <typename T>
struct Panels {
    const T* data = nullptr;
    std::int64_t row = 0, panel_stride = 0;
};

// A product in the kernels' terms, of one precision.
template <typename T>
struct GemmProblem {
    std::int64_t m = 0, n = 0, k = 0;
    const T* a = nullptr;
    std::int64_t a_row = 0, a_col = 0;
    Panels<T> b{};
    T* c = nullptr;
    std::int64_t c_row = 0;
    const T* bias = nullptr;
    bool relu = false;
    LiveColumns columns{};
    const std::vector<LiveColumns>* blocks = nullptr;
    LiveColumns rows{};  // of a transposed, whose memory has adjacent columns: the others' results are +0
    // A product of a part of k: its chains start from c instead of zero, or end in a later product.
    bool resumed = false, continued = false;
};

// The part of the product with rows [rows.begin, rows.end) of one panel of columns.
template <typename T>
void gemm_part(const GemmProblem<T>& problem, std::int64_t panel, Range rows);

// The live rows of a product of one panel, neither bias nor ReLU, where the others are zero in a and in c already, and
// b is finite. rows: the numbers that the product's rows have among those that are live or not; a_row is 1.
template <typename T>
void gemm_live_rows(const GemmProblem<T>& problem, Range rows, const LiveColumns& live);

void matmul_check(const TensorView& a, const TensorView& b, const TensorView& c);
std::int64_t matmul_workspace(const TensorView& b);
Split matmul_pack_split(const TensorView& b);
void matmul_pack(Range part, const TensorView& b, void* workspace);
Split matmul_split(const TensorView& b, const TensorView& c);
void matmul(Range part, const TensorView& a, const TensorView& b, const TensorView& c, void* workspace);

}  // namespace fastnn
