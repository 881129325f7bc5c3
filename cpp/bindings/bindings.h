// What module.cpp registers: one function a file.
#pragma once

#include <pybind11/pybind11.h>

#include <exception>

#include "ops/update.h"

namespace fastnn {

// Sets Python's error to what was thrown.
void set_error_of(const std::exception_ptr& error);

// The settings of an optimizer, whichever it is.
Settings settings_of(const pybind11::handle& object);

void bind_runtime(pybind11::module_& module);
void bind_ops(pybind11::module_& module);
void bind_convolution(pybind11::module_& module);
void bind_pooling(pybind11::module_& module);
void bind_batch_norm(pybind11::module_& module);
void bind_updates(pybind11::module_& module);
void bind_data(pybind11::module_& module);
void bind_digits(pybind11::module_& module);
void bind_lease(pybind11::module_& module);
void bind_images(pybind11::module_& module);
void bind_plan(pybind11::module_& module);

}  // namespace fastnn
