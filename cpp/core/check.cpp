#include "core/check.h"

#include <sstream>

namespace fastnn {

std::string text_of(std::initializer_list<Word> words) {
    std::ostringstream out;
    for (const Word& word : words) std::visit([&](const auto& value) { out << value; }, word.value());
    return out.str();
}

void fail_of(Fault fault, std::initializer_list<Word> words) { throw ValueError(text_of(words), std::move(fault)); }

void fail_type_of(Fault fault, std::initializer_list<Word> words) { throw TypeError(text_of(words), std::move(fault)); }

const char* dtype_name(DType dtype) {
    switch (dtype) {
        case DType::float32:
            return "float32";
        case DType::float64:
            return "float64";
        case DType::int64:
            return "int64";
        case DType::uint8:
            return "uint8";
        case DType::boolean:
            return "bool";
    }
    return "unknown";
}

namespace {

std::string numbers_text(const std::array<std::int64_t, max_rank>& numbers, int count) {
    std::ostringstream out;
    out << "(";
    for (int i = 0; i < count; ++i) out << (i ? ", " : "") << numbers[i];
    out << (count == 1 ? ",)" : ")");
    return out.str();
}

}  // namespace

std::string shape_text(const TensorView& view) { return numbers_text(view.shape, view.rank); }

std::string layout_text(const TensorView& view) {
    const std::string shape = "shape " + shape_text(view);
    if (view.panels) return text(shape, " in panels of ", view.panels.width);
    return shape + " with strides " + numbers_text(view.stride, view.rank);
}

std::int64_t checked_product(const char* op, std::int64_t a, std::int64_t b) {
    std::int64_t product = 0;
    if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product)) {
        fail(op, "a size of ", a, " x ", b, " does not fit a 64-bit count");
    }
    return product;
}

void check_rank(const char* op, const char* name, const TensorView& view, int rank) {
    if (view.rank != rank) {
        fail(op, name, " must have ", rank, rank == 1 ? " dimension" : " dimensions", ", got shape ", shape_text(view));
    }
}

void check_real(const char* op, const char* name, const TensorView& view) {
    if (view.dtype != DType::float32 && view.dtype != DType::float64) {
        fail_type(op, name, " must be float32 or float64, got ", dtype_name(view.dtype));
    }
}

void check_dtype(const char* op, const char* name, const TensorView& view, DType dtype) {
    if (view.dtype != dtype) {
        fail_type(op, name, " must be ", dtype_name(dtype), ", got ", dtype_name(view.dtype));
    }
}

void check_same_shape(const char* op, const char* a_name, const TensorView& a, const char* b_name,
                      const TensorView& b) {
    if (!same_shape(a, b)) {
        fail(op, a_name, " has shape ", shape_text(a), ", ", b_name, " has shape ", shape_text(b),
             ": they must be equal");
    }
}

void check_contiguous(const char* op, const char* name, const TensorView& view) {
    if (!view.contiguous()) fail(op, name, " must be contiguous (C order), got ", layout_text(view));
}

void check_dense(const char* op, const char* name, const TensorView& view) {
    if (!view.dense()) fail(op, name, " must fill its memory without gaps, got ", layout_text(view));
}

void check_same_layout(const char* op, const char* a_name, const TensorView& a, const char* b_name,
                       const TensorView& b) {
    check_same_shape(op, a_name, a, b_name, b);
    if (!same_layout(a, b)) {
        fail(op, a_name, " and ", b_name, " must have the same memory layout: ", layout_text(a), " and ",
             layout_text(b));
    }
}

void check_labels(const char* op, const std::int64_t* labels, std::int64_t n, std::int64_t classes,
                  std::int64_t first) {
    for (std::int64_t i = 0; i < n; ++i) {
        if (labels[i] < 0 || labels[i] >= classes) {
            const std::int64_t label = labels[i], sample = first + i, last = classes - 1;
            fail(Fault{"labels.range", {{"label", label}, {"sample", sample}, {"last", last}, {"outputs", classes}}},
                 op, "label ", label, " at sample ", sample, " is outside 0..", last, ": the last layer has ", classes,
                 " outputs");
        }
    }
}

}  // namespace fastnn
