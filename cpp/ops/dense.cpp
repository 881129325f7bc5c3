#include "ops/dense.h"

#include <algorithm>

#include "core/aligned_buffer.h"
#include "core/check.h"
#include "kernels/dispatch.h"

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

// Strided memory whose inputs, not outputs, are adjacent.
bool rows_of_inputs(const TensorView& weight) {
    return !weight.panels && weight.stride[0] != 1 && weight.stride[1] == 1;
}

}  // namespace

const Facts dense_forward_facts = Facts("dense_forward")
                                      .array("x")
                                      .array("weight")
                                      .optional_array("bias")
                                      .attribute("relu", false)
                                      .row_by_row()
                                      .ends_with("relu")
                                      .panels();
const Facts dense_grad_x_facts = Facts("dense_grad_x").array("grad_y").array("weight").row_by_row().panels();
const Facts dense_grad_weight_facts =
    Facts("dense_grad_weight").array("grad_y").array("x").updated_by("dense_update", true);
const Facts dense_grad_bias_facts =
    Facts("dense_grad_bias")
        .array("grad_y")
        .cut([](const TensorView& grad_y) { return Split{grad_y.shape[1], elements(grad_y).grain}; })
        .updated_by("bias_update", false);

void dense_check(const TensorView& x, const TensorView& weight, const TensorView* bias, const TensorView& y) {
    check_real("linear", "x", x);
    check_dtype("linear", "weight", weight, x.dtype);
    check_dtype("linear", "the result", y, x.dtype);
    check_rank("linear", "x", x, 2);
    check_rank("linear", "weight", weight, 2);
    check_rank("linear", "the result", y, 2);
    if (x.shape[1] != weight.shape[1]) {
        const std::int64_t inputs = weight.shape[1], rows = x.shape[0], features = x.shape[1];
        fail(Fault{"linear.features", {{"inputs", inputs}, {"rows", rows}, {"features", features}}}, "linear",
             "weight has ", inputs, " inputs", width_hint(inputs), ", x has shape ", shape_text(x), ": ", features,
             " features a sample", width_hint(features));
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

void dense_backward_check(const TensorView& grad_y, const TensorView& x, const TensorView& weight) {
    dense_check(x, weight, nullptr, grad_y);
}

void dense_grad_bias_check(const TensorView& grad_y, const TensorView& grad_bias) {
    check_real("linear", "grad_y", grad_y);
    check_rank("linear", "grad_y", grad_y, 2);
    check_dtype("linear", "grad_bias", grad_bias, grad_y.dtype);
    if (grad_bias.rank != 1 || grad_bias.shape[0] != grad_y.shape[1]) {
        fail("linear", "grad_bias has shape ", shape_text(grad_bias), ", grad_y has shape ", shape_text(grad_y),
             ": one value for each of its columns is needed");
    }
}

Product dense_forward(const TensorView& x, const TensorView& weight, const TensorView& y) {
    Product product;
    product.dtype = x.dtype;
    product.a = matrix_of(x);
    product.b = matrix_of(weight).transposed();
    product.c = matrix_of(y);
    product.panels = weight.panels;
    if (!weight.panels) product.zeros = Product::Zeros::by_blocks;
    return product;
}

Product dense_grad_x(const TensorView& grad_y, const TensorView& weight, const TensorView& grad_x) {
    Product product;
    product.dtype = grad_y.dtype;
    product.a = matrix_of(grad_y);
    product.b = matrix_of(weight);
    product.c = matrix_of(grad_x);
    return product;
}

Product dense_grad_weight(const TensorView& grad_y, const TensorView& x, const TensorView& grad_weight) {
    Product product;
    product.dtype = grad_y.dtype;
    product.a = matrix_of(x).transposed();
    product.b = matrix_of(grad_y);
    product.c = matrix_of(grad_weight).transposed();
    product.zeros = Product::Zeros::by_rows;
    if (rows_of_inputs(grad_weight)) {  // (O, I) in C order: the same chains, with outputs as rows
        product.a = matrix_of(grad_y).transposed();
        product.b = matrix_of(x);
        product.c = matrix_of(grad_weight);
        product.zeros = Product::Zeros::kept;
    }
    return product;
}

void dense_grad_bias(Range outputs, const TensorView& grad_y, const TensorView& grad_bias) {
    dispatch_real(grad_y.dtype, [&](auto zero) {
        using T = decltype(zero);
        kernels<T>().column_sums(grad_y.shape[0], outputs.end - outputs.begin, grad_y.as<T>() + outputs.begin,
                                 grad_y.stride[0], grad_bias.as<T>() + outputs.begin);
    });
}

void transpose_panels(const TensorView& weight, const TensorView& transposed, Range inputs, Range outputs) {
    dispatch_real(weight.dtype, [&](auto zero) {
        using T = decltype(zero);
        const PanelLayout &from = weight.panels, &to = transposed.panels;
        for (std::int64_t o = outputs.begin; o < outputs.end; ++o) {
            const T* const column = weight.as<T>() + from.place(0, o);
            for (std::int64_t i = inputs.begin; i < inputs.end;) {
                const std::int64_t end = std::min(inputs.end, (i / to.width + 1) * to.width);
                T* out = transposed.as<T>() + to.place(o, i);
                for (; i < end; ++i) *out++ = column[i * from.width];
            }
        }
    });
}

PanelLayout panels_of(const TensorView& weight, std::int64_t width) {
    PanelLayout panels{1, weight.shape[0], width};
    for (int i = 1; i < weight.rank; ++i) panels.in = checked_product("linear", panels.in, weight.shape[i]);
    return panels;
}

namespace {

// Where input number i of a weight lies, for output 0: the dimensions behind the second run fastest last, then the
// second.
std::int64_t input_offset(const TensorView& weight, std::int64_t i) {
    std::int64_t offset = i % weight.shape[1] * weight.stride[1], rest = i / weight.shape[1];
    for (int axis = weight.rank - 1; axis > 1; --axis) {
        offset += rest % weight.shape[axis] * weight.stride[axis];
        rest /= weight.shape[axis];
    }
    return offset;
}

// Calls copy(strided, its step, packed, count) for the outputs of each input that lie together in a panel.
template <typename T, typename Copy>
void for_each_row(const TensorView& weight, const TensorView& packed, Copy copy) {
    const PanelLayout& panels = packed.panels;
    for (std::int64_t i = 0; i < panels.in; ++i) {
        T* const from = weight.as<T>() + input_offset(weight, i);
        for (std::int64_t o = 0; o < panels.out; o += panels.width)
            copy(from + o * weight.stride[0], weight.stride[0], packed.as<T>() + panels.place(i, o),
                 std::min(panels.width, panels.out - o));
    }
}

}  // namespace

void pack_weight(const TensorView& weight, const TensorView& panels) {
    dispatch_real(weight.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t padding = panels.panels.count() * panels.panels.width - panels.panels.out;
        if (padding > 0) std::fill_n(panels.as<T>(), panels.storage_size(), T(0));
        for_each_row<T>(weight, panels, [](const T* strided, std::int64_t step, T* packed, std::int64_t count) {
            if (step == 1) {
                std::copy_n(strided, count, packed);
            } else {
                for (std::int64_t j = 0; j < count; ++j) packed[j] = strided[j * step];
            }
        });
    });
}

void unpack_weight(const TensorView& panels, const TensorView& weight) {
    dispatch_real(weight.dtype, [&](auto zero) {
        using T = decltype(zero);
        for_each_row<T>(weight, panels, [](T* strided, std::int64_t step, const T* packed, std::int64_t count) {
            if (step == 1) {
                std::copy_n(packed, count, strided);
            } else {
                for (std::int64_t j = 0; j < count; ++j) strided[j * step] = packed[j];
            }
        });
    });
}

}  // namespace fastnn
