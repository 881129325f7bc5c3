# The only place with -m flags. Each ISA is one object library built from cpp/kernels/cpu/isa/<name>/table.cpp:
# it exports one symbol, its kernel table (tests/core/test_symbols.py), so code compiled for a newer CPU can never replace
# a baseline copy at link time.
set(FASTNN_ISA_OBJECTS "")
set(FASTNN_ISA_DEFINITIONS "")

function(fastnn_add_isa name)
  add_library(fastnn_${name} OBJECT cpp/kernels/cpu/isa/${name}/table.cpp)
  target_include_directories(fastnn_${name} PRIVATE cpp)
  target_compile_options(fastnn_${name} PRIVATE -O3 ${ARGN})
  set(FASTNN_ISA_OBJECTS ${FASTNN_ISA_OBJECTS} $<TARGET_OBJECTS:fastnn_${name}> PARENT_SCOPE)
endfunction()

fastnn_add_isa(scalar)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  fastnn_add_isa(avx2 -mavx2 -mfma)
  fastnn_add_isa(avx512 -mavx2 -mfma -mavx512f -mavx512dq -mavx512bw -mavx512vl -mprefer-vector-width=512)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # gcc 12's own AVX-512 headers pass undefined vectors on purpose and warn about them (gcc bug 105593).
    target_compile_options(fastnn_avx512 PRIVATE -Wno-uninitialized -Wno-maybe-uninitialized)
  endif()
endif()
