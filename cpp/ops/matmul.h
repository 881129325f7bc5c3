// threads above | Matrix products. Kernel text: kernels/cpu/gemm.inl.
//
//   c = a b,  a (..., M, K), b (..., K, N), c (..., M, N)
// Each element of c is one chain of fused multiply-adds over k ascending, starting at zero, then + 0.0: the same bits
// for any number of threads, tile shape and ISA. Threads split rows and columns, never k. c must not overlap a or b. a
// and b may have any strides (0 included: broadcast batches); c has unit stride along N.
#pragma once

#include <cstdint>
#include <vector>

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "ops/zeros.h"

namespace fastnn {

// B as panels: element (k, n) is data[n / panel * panel_stride + k * row + n % panel].
template <typename T>
struct Panels {
    const T* data;
    std::int64_t row, panel_stride;
};

template <typename T>
struct GemmProblem {
    std::int64_t m, n, k;
    const T* a;
    std::int64_t a_row, a_col;
    Panels<T> b;
    T* c;
    std::int64_t c_row, c_panel;  // element (m, n) is c[n / panel * c_panel + m * c_row + n % panel]
    const T* bias = nullptr;
    bool relu = false;
    LiveColumns columns{};  // of a, in all rows; only where b is finite
    // Zeros of a that are left out where b turns out to be finite: columns by blocks of rows (find_live_blocks), or all
    // rows outside of some runs.
    const std::vector<LiveColumns>* blocks = nullptr;
    const std::vector<Range>* runs = nullptr;
    // A product of a part of k: its chains start from c instead of zero, or end in a later product.
    bool resumed = false, continued = false;
};

// One team's share of the product. No barrier inside: the caller places one before c is read.
template <typename T>
void gemm(Team& team, const GemmProblem<T>& problem);

// Whether such a product is one that looks for zeros in a by blocks or runs.
template <typename T>
bool may_leave_out(const GemmProblem<T>& problem);

// The part of the product with rows [rows.begin, rows.end) of one panel of columns.
template <typename T>
void gemm_part(const GemmProblem<T>& problem, std::int64_t panel, Range rows);

// B (K, N) with any strides as panels: itself where the columns are adjacent, else packed into workspace (with a
// barrier).
template <typename T>
Panels<T> as_panels(Team& team, const T* b, std::int64_t k_stride, std::int64_t n_stride, std::int64_t k,
                    std::int64_t n, void* workspace);

// Bytes that as_panels may need.
std::int64_t panels_bytes(DType dtype, std::int64_t n_stride, std::int64_t k, std::int64_t n);

void matmul_check(const TensorView& a, const TensorView& b, const TensorView& c);
std::int64_t matmul_workspace(const TensorView& b);
void matmul(Team& team, const TensorView& a, const TensorView& b, const TensorView& c, void* workspace);

}  // namespace fastnn
