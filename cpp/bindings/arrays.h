// NumPy arrays as TensorViews: every check of dtype, byte order, alignment, strides and overlap is here.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <initializer_list>
#include <vector>

#include "core/parallel.h"
#include "core/tensor_view.h"

namespace fastnn {

namespace py = pybind11;

enum class Layout {
    any,         // any strides that are whole elements
    rows,        // the last dimension's elements adjacent
    dense,       // no gaps, in any order of the dimensions
    samples,     // one behind the other, each without gaps, in any order of the other dimensions
    contiguous,  // C order
    images,      // (N, C, H, W) in the order [N][H][W][C]; another rank: any
    kernels,     // (O, I, kh, kw) in the order [kh][kw][I][O]; another rank: any
};

// An input: the array itself, or a copy where its byte order, alignment or layout is not what the op needs.
class Input {
public:
    Input(const char* op, const char* name, const py::handle& object, Layout layout);

    // To be walked beside `other`: where it has that one's shape, it must lie in memory as that does.
    Input(const char* op, const char* name, const py::handle& object, const TensorView& other);

    const TensorView& view() const { return view_; }
    const py::array& array() const { return array_; }

private:
    py::array array_;
    TensorView view_;
};

// An output: fresh, or the caller's `out`, which must have this shape and dtype, be writeable, aligned, contiguous and
// apart from the inputs (or, where may_alias, be exactly one of them).
class Output {
public:
    Output(const char* op, const py::object& out, const std::vector<std::int64_t>& shape, DType dtype,
           std::initializer_list<const Input*> inputs, bool may_alias = false);

    // With the shape of a dense view and, where fresh, in the same order of its dimensions.
    Output(const char* op, const py::object& out, const TensorView& like, DType dtype,
           std::initializer_list<const Input*> inputs, bool may_alias = false);

    const TensorView& view() const { return view_; }
    const py::array& array() const { return array_; }

private:
    void take(const char* op, const py::object& out, const TensorView& wanted,
              std::initializer_list<const Input*> inputs, bool may_alias);

    py::array array_;
    TensorView view_;
};

// An array updated in place: no copy can stand in for it. Any dense layout.
TensorView in_place(const char* op, const char* name, const py::handle& object);

// The view of an ndarray that needs no copy; TypeError or ValueError otherwise.
TensorView view_of(const char* op, const char* name, const py::array& array);

py::array new_array(const std::vector<std::int64_t>& shape, DType dtype);
// Shapes of four dimensions, in the order of images or of kernels.
TensorView four_dimensions(const std::vector<std::int64_t>& shape, Layout layout);

py::array new_array_like(const TensorView& view, DType dtype);
py::dtype numpy_dtype(DType dtype);

std::vector<std::int64_t> shape_of(const TensorView& view);

// Whether two views reach into the same memory.
bool overlap(const TensorView& a, const TensorView& b);

// A view that an op reads, or also writes.
struct Use {
    const char* name;
    const TensorView& view;
    bool written;
};

// Refuses written memory that another view reaches into too: which of two values stays would be chance.
void check_apart(const char* op, const std::vector<Use>& uses);
bool apart(const std::vector<Use>& uses);

// Bytes for one call, kept by the calling thread for its next ones.
void* thread_workspace(std::int64_t bytes);

// Work that may be cut, all of it done before the next stage begins.
struct Stage {
    Split split;
    PartBody body;
};

// Runs an eager call's stages on as many threads as its elementary operations are worth, each its even part; without
// the GIL where it takes long.
void run_op(double operations, std::initializer_list<Stage> stages);

// x into y, both of one shape and dtype.
void run_copy(const TensorView& x, const TensorView& y);

}  // namespace fastnn
