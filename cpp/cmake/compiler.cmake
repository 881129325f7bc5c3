# The only place with -f and -W flags, beside isa.cmake's -m flags. Another compiler needs a branch of its own here.
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  message(FATAL_ERROR "fastnn has flags for GCC and Clang, not for ${CMAKE_CXX_COMPILER_ID}: add its own to "
                      "cpp/cmake/compiler.cmake (the same bits need a * b + c left uncontracted) and to isa.cmake")
endif()

# No contraction: a fused multiply-add is written where it is meant, so every ISA and compiler rounds alike.
add_compile_options(-ffp-contract=off -fno-math-errno)
# Ways out at every instruction are for debuggers; exceptions on Linux need those at calls. 7 KB of a wheel.
if(UNIX AND NOT APPLE)
  add_compile_options(-fno-asynchronous-unwind-tables)
endif()
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)
if(FASTNN_WERROR)
  add_compile_options(-Werror)
endif()
# Loops over numbers are kernels: what is around them takes a quarter less time to compile with -O2, as long to run.
# Some that turn memory around get -O3's vectors and forms for a stride of one, and the short ones of core/ its unrolling;
# those of ops/ are as fast without that, and 17 KB smaller in a wheel; 2 more with half of -O2's inlining.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(FASTNN_OPS_OPTIMIZATION "")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  string(APPEND CMAKE_CXX_FLAGS_RELEASE " -fpeel-loops -fvect-cost-model=dynamic -fversion-loops-for-strides")
  set(FASTNN_OPS_OPTIMIZATION -fno-peel-loops --param=max-inline-insns-auto=8)
endif()
# Loops that lie in one line of instructions: a copy of short runs takes a quarter longer where it lies in two. Kernels
# throw nothing, so nobody has to find a way out of them.
# Of -O3 GCC's kernels take the limits of inlining alone: vectors and tiles are written out, and its copies of loops are
# 11 KB of a wheel that no training step gains from (max pooling takes a tenth longer).
set(FASTNN_KERNEL_OPTIMIZATION -O3)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(FASTNN_KERNEL_OPTIMIZATION -O2 -finline-functions --param=max-inline-insns-auto=30 --param=max-inline-insns-single=200
    --param=inline-min-speedup=15 --param=early-inlining-insns=14)
endif()
list(APPEND FASTNN_KERNEL_OPTIMIZATION -falign-loops=32 -fno-exceptions -fno-asynchronous-unwind-tables)
# Ops whose work is done by kernels: a fifth smaller, as fast.
set(FASTNN_CHECKING_OPTIMIZATION -Os -ftree-vectorize -finline-functions ${FASTNN_OPS_OPTIMIZATION})
# Plans are made once for all their steps, and bindings turn arguments into pointers and call: for size, which takes 150
# KB off the wheel and a third off the time to compile. Eager code of small networks takes 5 to 7 % longer; it would 12
# to 15 if arrays were made so too.
set(FASTNN_CALLING_OPTIMIZATION -Os ${FASTNN_OPS_OPTIMIZATION})
set(FASTNN_ARRAYS_OPTIMIZATION -O2)
# Augmentation, whose pixels are bytes at distances known when it runs, is as fast without, and half as large.
set(FASTNN_AUGMENT_OPTIMIZATION "")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(FASTNN_AUGMENT_OPTIMIZATION -fno-peel-loops -fno-version-loops-for-strides)
endif()
# Names that nobody outside asks for are a thirtieth of the library.
set(FASTNN_EXPORTS "")
if(UNIX AND NOT APPLE)
  set(FASTNN_EXPORTS -Wl,--version-script=${CMAKE_CURRENT_LIST_DIR}/exports.map)
endif()
if(FASTNN_SANITIZE)
  set(FASTNN_KERNEL_OPTIMIZATION -O1)  # unrolled and checked, they would be compiled for minutes
  add_compile_options(-O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
