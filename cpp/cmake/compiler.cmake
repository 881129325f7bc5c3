# The only place with -f and -W flags, beside isa.cmake's -m flags. Another compiler needs a branch of its own here.
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  message(FATAL_ERROR "fastnn has flags for GCC and Clang, not for ${CMAKE_CXX_COMPILER_ID}: add its own to "
                      "cpp/cmake/compiler.cmake (the same bits need a * b + c left uncontracted) and to isa.cmake")
endif()

# No contraction: a fused multiply-add is written where it is meant, so every ISA and compiler rounds alike.
add_compile_options(-ffp-contract=off -fno-math-errno)
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)
if(FASTNN_WERROR)
  add_compile_options(-Werror)
endif()
# Loops over numbers are kernels: what is around them takes a quarter less time to compile with -O2, as long to run.
# Some that turn memory around get -O3's unrolling, vectors and forms for a stride of one (LeNet's first layer: 163 us
# with -O3, 170 so, 200 without).
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  string(APPEND CMAKE_CXX_FLAGS_RELEASE " -fpeel-loops -fvect-cost-model=dynamic -fversion-loops-for-strides")
endif()
# Loops that lie in one line of instructions: a copy of short runs takes a quarter longer where it lies in two.
set(FASTNN_KERNEL_OPTIMIZATION -O3 -falign-loops=32)
# Bindings turn arguments into pointers and call, plans decide what is called: so they compile in two thirds of the time,
# and an eager step of the smallest network takes 1 to 2 % longer.
set(FASTNN_CALLING_OPTIMIZATION -O1)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND FASTNN_CALLING_OPTIMIZATION -finline-small-functions -findirect-inlining)
endif()
# Augmentation, whose pixels are bytes at distances known when it runs, is as fast without, and 6 KB instead of 14.
set(FASTNN_AUGMENT_OPTIMIZATION "")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(FASTNN_AUGMENT_OPTIMIZATION -fno-peel-loops -fno-version-loops-for-strides)
endif()
if(FASTNN_SANITIZE)
  set(FASTNN_KERNEL_OPTIMIZATION -O1)  # unrolled and checked, they would be compiled for minutes
  add_compile_options(-O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
