# The only place where CUDA is chosen: either the real backend or a stub that says what is missing.
if(FASTNN_CUDA)
  message(FATAL_ERROR "FASTNN_CUDA=ON: this version of fastnn has no CUDA backend yet; build with FASTNN_CUDA=OFF")
endif()
set(FASTNN_CUDA_SOURCES kernels/cuda/stub.cpp)
