#include "ops/dense.h"

#include <algorithm>

#include "core/aligned_buffer.h"
#include "core/check.h"
#include "kernels/dispatch.h"
#include "ops/matmul.h"

namespace fastnn {

namespace {

// How wide the image behind this many features could be: helps to see why a width does not fit.
const char* width_hint(std::int64_t features) {
    switch (features) {
        case 784:
            return " (784 is a 28x28 grey image)";
        case 2352:
            return " (2352 is a 28x28 image with 3 colours: convert it to grey)";
        case 1024:
            return " (1024 is a 32x32 grey image)";
        case 3072:
            return " (3072 is a 32x32 image with 3 colours)";
        case 196:
            return " (196 is a 14x14 grey image)";
        default:
            return "";
    }
}

// W^T as the right operand of x W^T: k runs over inputs, n over outputs.
template <typename T>
Panels<T> weight_panels(Team& team, const TensorView& weight, void* workspace) {
    if (weight.panel != 0) return {weight.as<T>(), weight.panel, weight.shape[1] * weight.panel};
    return as_panels(team, weight.as<T>(), weight.stride[1], weight.stride[0], weight.shape[1], weight.shape[0],
                     workspace);
}

// Strided memory whose inputs, not outputs, are adjacent.
bool rows_of_inputs(const TensorView& weight) {
    return weight.panel == 0 && weight.stride[0] != 1 && weight.stride[1] == 1;
}

}  // namespace

void dense_check(const TensorView& x, const TensorView& weight, const TensorView* bias, const TensorView& y) {
    check_real("linear", "x", x);
    check_dtype("linear", "weight", weight, x.dtype);
    check_dtype("linear", "the result", y, x.dtype);
    check_rank("linear", "x", x, 2);
    check_rank("linear", "weight", weight, 2);
    check_rank("linear", "the result", y, 2);
    if (x.shape[1] != weight.shape[1]) {
        fail("linear", "weight has ", weight.shape[1], " inputs", width_hint(weight.shape[1]), ", x has shape ",
             shape_text(x), ": ", x.shape[1], " features a sample", width_hint(x.shape[1]));
    }
    if (y.shape[0] != x.shape[0] || y.shape[1] != weight.shape[0]) {
        fail("linear", "the result has shape ", shape_text(y), ", it must be (", x.shape[0], ", ", weight.shape[0],
             ")");
    }
    if (bias == nullptr) return;
    check_dtype("linear", "bias", *bias, x.dtype);
    if (bias->rank != 1 || bias->shape[0] != weight.shape[0]) {
        fail("linear", "bias has shape ", shape_text(*bias), ", weight has ", weight.shape[0], " outputs");
    }
}

std::int64_t dense_forward_workspace(const TensorView& weight) {
    if (weight.panel != 0) return 0;
    return panels_bytes(weight.dtype, weight.stride[0], weight.shape[1], weight.shape[0]);
}

void dense_forward(Team& team, const TensorView& x, const TensorView& weight, const TensorView* bias, bool relu,
                   const TensorView& y, void* workspace, LiveColumns columns) {
    dispatch_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const Panels<T> panels = weight_panels<T>(team, weight, workspace);
        GemmProblem<T> problem{x.shape[0],  weight.shape[0], x.shape[1], x.as<T>(),   x.stride[0],
                               x.stride[1], panels,          y.as<T>(),  y.stride[0], kernels<T>().panel};
        problem.bias = bias ? bias->as<T>() : nullptr;
        problem.relu = relu;
        problem.columns = columns;
        if (weight.panel == 0 && columns.columns == nullptr && may_leave_out(problem))
            problem.blocks = &find_live_blocks(x);
        gemm(team, problem);
    });
}

std::int64_t dense_grad_x_workspace(const TensorView& weight) {
    return panels_bytes(weight.dtype, weight.stride[1], weight.shape[0], weight.shape[1]);
}

void dense_backward_check(const TensorView& grad_y, const TensorView& x, const TensorView& weight) {
    dense_check(x, weight, nullptr, grad_y);
}

void dense_grad_x(Team& team, const TensorView& grad_y, const TensorView& weight, const TensorView& grad_x,
                  void* workspace) {
    dispatch_real(grad_y.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t outputs = weight.shape[0], inputs = weight.shape[1];
        const Panels<T> panels =
            as_panels(team, weight.as<T>(), weight.stride[0], weight.stride[1], outputs, inputs, workspace);
        gemm(team, GemmProblem<T>{grad_y.shape[0], inputs, outputs, grad_y.as<T>(), grad_y.stride[0], grad_y.stride[1],
                                  panels, grad_x.as<T>(), grad_x.stride[0], kernels<T>().panel});
    });
}

std::int64_t dense_grad_weight_workspace(const TensorView& grad_y, const TensorView& x, const TensorView& grad_weight) {
    const TensorView& right = rows_of_inputs(grad_weight) ? x : grad_y;
    return panels_bytes(right.dtype, right.stride[1], right.shape[0], right.shape[1]);
}

void dense_grad_weight(Team& team, const TensorView& grad_y, const TensorView& x, const TensorView& grad_weight,
                       void* workspace) {
    dispatch_real(grad_y.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t samples = x.shape[0], inputs = x.shape[1], outputs = grad_y.shape[1];
        const std::int64_t width = kernels<T>().panel;
        if (rows_of_inputs(grad_weight)) {  // (O, I) in C order: the same chains, with outputs as rows
            const Panels<T> panels = as_panels(team, x.as<T>(), x.stride[0], x.stride[1], samples, inputs, workspace);
            gemm(team, GemmProblem<T>{outputs, inputs, samples, grad_y.as<T>(), grad_y.stride[1], grad_y.stride[0],
                                      panels, grad_weight.as<T>(), grad_weight.stride[0], width});
            return;
        }
        const Panels<T> panels =
            as_panels(team, grad_y.as<T>(), grad_y.stride[0], grad_y.stride[1], samples, outputs, workspace);
        const bool packed = grad_weight.panel != 0;
        GemmProblem<T> problem{inputs,
                               outputs,
                               samples,
                               x.as<T>(),
                               x.stride[1],
                               x.stride[0],
                               panels,
                               grad_weight.as<T>(),
                               packed ? width : grad_weight.stride[1],
                               packed ? inputs * width : width};
        if (!packed && may_leave_out(problem)) problem.runs = &find_live_runs(x);
        gemm(team, problem);
    });
}

void dense_grad_bias(Team& team, const TensorView& grad_y, const TensorView& grad_bias) {
    dispatch_real(grad_y.dtype, [&](auto zero) {
        using T = decltype(zero);
        const Range columns = team.share(grad_y.shape[1], cache_items<T>);
        T* const total = grad_bias.as<T>() + columns.begin;
        const std::int64_t count = columns.end - columns.begin;
        if (count <= 0) return;
        kernels<T>().column_sums(grad_y.shape[0], count, grad_y.as<T>() + columns.begin, grad_y.stride[0], total);
    });
}

void transpose_panels(const TensorView& weight, const TensorView& transposed, Range inputs, Range outputs) {
    dispatch_real(weight.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t width = weight.panel, in = weight.shape[1], out = weight.shape[0];
        for (std::int64_t o = outputs.begin; o < outputs.end; ++o) {
            const T* const column = weight.as<T>() + o / width * in * width + o % width;
            T* const row = transposed.as<T>() + o * width;
            for (std::int64_t i = inputs.begin; i < inputs.end;) {
                const std::int64_t end = std::min(inputs.end, (i / width + 1) * width);
                T* to = row + i / width * out * width + i % width;
                for (; i < end; ++i) *to++ = column[i * width];
            }
        }
    });
}

namespace {

template <typename T, typename Copy>
void for_each_weight(const TensorView& weight, const TensorView& panels, Copy copy) {
    const std::int64_t outputs = weight.shape[0], inputs = weight.shape[1], width = panels.panel;
    for (std::int64_t i = 0; i < inputs; ++i) {
        for (std::int64_t o = 0; o < outputs; ++o) {
            copy(weight.as<T>()[o * weight.stride[0] + i * weight.stride[1]],
                 panels.as<T>()[(o / width * inputs + i) * width + o % width]);
        }
    }
}

}  // namespace

void pack_weight(const TensorView& weight, const TensorView& panels) {
    dispatch_real(weight.dtype, [&](auto zero) {
        using T = decltype(zero);
        std::fill_n(panels.as<T>(), panels.storage_size(), T(0));
        for_each_weight<T>(weight, panels, [](T& strided, T& packed) { packed = strided; });
    });
}

void unpack_weight(const TensorView& panels, const TensorView& weight) {
    dispatch_real(weight.dtype, [&](auto zero) {
        using T = decltype(zero);
        for_each_weight<T>(weight, panels, [](T& strided, T& packed) { strided = packed; });
    });
}

}  // namespace fastnn
