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
    contiguous,  // C order
};

// An input: the array itself, or a copy where its byte order, alignment or layout is not what the op needs.
class Input {
public:
    Input(const char* op, const char* name, const py::handle& object, Layout layout);
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
    const TensorView& view() const { return view_; }
    const py::array& array() const { return array_; }

private:
    py::array array_;
    TensorView view_;
};

// An array updated in place: no copy can stand in for it. Any dense layout.
TensorView in_place(const char* op, const char* name, const py::handle& object);

// The view of an ndarray that needs no copy; TypeError or ValueError otherwise.
TensorView view_of(const char* op, const char* name, const py::array& array);

py::array new_array(const std::vector<std::int64_t>& shape, DType dtype);
py::dtype numpy_dtype(DType dtype);

std::vector<std::int64_t> shape_of(const TensorView& view);

// Bytes for one call, kept by the calling thread for its next ones.
void* thread_workspace(std::int64_t bytes);

// Runs an op's body on as many threads as its elementary operations are worth; without the GIL where it takes long.
void run_op(double operations, TeamBody body);

}  // namespace fastnn
