# The only place with -m flags. Each ISA is one object library built from cpp/kernels/cpu/isa/<name>/table.cpp:
# it exports one symbol, its kernel table (tests/core/test_symbols.py), so code compiled for a newer CPU can never replace
# a baseline copy at link time. kernels/dispatch.cpp is told which there are by FASTNN_HAS_AVX2 and its like.
set(FASTNN_ISA_TARGETS "")
set(FASTNN_ISA_DEFINITIONS "")

function(fastnn_add_isa name)
  add_library(fastnn_${name} OBJECT kernels/cpu/isa/${name}/table.cpp)
  target_include_directories(fastnn_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_compile_options(fastnn_${name} PRIVATE ${FASTNN_KERNEL_OPTIMIZATION} ${ARGN})
  string(TOUPPER ${name} upper)
  set(FASTNN_ISA_TARGETS ${FASTNN_ISA_TARGETS} fastnn_${name} PARENT_SCOPE)
  set(FASTNN_ISA_DEFINITIONS ${FASTNN_ISA_DEFINITIONS} FASTNN_HAS_${upper} PARENT_SCOPE)
endfunction()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64" AND NOT FASTNN_SCALAR)
  fastnn_add_isa(scalar -Os)  # for processors without fma, whose calls take nine tenths of its time; half the code
  fastnn_add_isa(avx2 -mavx2 -mfma)
  fastnn_add_isa(avx512 -mavx2 -mfma -mavx512f -mavx512dq -mavx512bw -mavx512vl -mprefer-vector-width=512)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # gcc 12's own AVX-512 headers pass undefined vectors on purpose and warn about them (gcc bug 105593).
    target_compile_options(fastnn_avx512 PRIVATE -Wno-uninitialized -Wno-maybe-uninitialized)
  endif()
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64|ARM64" AND NOT FASTNN_SCALAR)
  fastnn_add_isa(neon)  # every 64-bit ARM processor has it
  fastnn_add_isa(scalar)
else()
  fastnn_add_isa(scalar)
endif()
