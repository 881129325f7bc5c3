# pybind11 by a path that stays: pip builds each time in an environment of its own, whose path is new, and all bindings
# would be compiled again. So its headers are copied into the build folder, each where it differs.
find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)
find_package(pybind11 CONFIG REQUIRED)

set(FASTNN_PYBIND11 ${CMAKE_CURRENT_BINARY_DIR}/pybind11)
file(GLOB_RECURSE headers RELATIVE ${pybind11_INCLUDE_DIR} ${pybind11_INCLUDE_DIR}/pybind11/*.h)
foreach(header IN LISTS headers)
  configure_file(${pybind11_INCLUDE_DIR}/${header} ${FASTNN_PYBIND11}/${header} COPYONLY)
endforeach()
set_target_properties(pybind11::pybind11_headers PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${FASTNN_PYBIND11})
