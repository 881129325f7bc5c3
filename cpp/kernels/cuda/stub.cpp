#include "kernels/cuda/backend.h"

namespace fastnn {

bool cuda_available() { return false; }

std::string cuda_missing_reason() {
    return "fastnn was built without CUDA (FASTNN_CUDA=OFF); use device 'cpu', which gives the same results on every "
           "machine";
}

}  // namespace fastnn
