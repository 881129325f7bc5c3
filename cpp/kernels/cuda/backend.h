// The CUDA backend's face. cuda.cmake links either the real one or stub.cpp: no op asks at compile time.
#pragma once

#include <string>

namespace fastnn {

bool cuda_available();

// Empty where a CUDA device can be used, else why not and what to do.
std::string cuda_missing_reason();

}  // namespace fastnn
