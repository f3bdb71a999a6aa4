# TFLite Micro comes from the user: its library for the board's core and its headers. hil
# checks both and says where they are, in hil_tflm.cmake; -D does it as well.
set(HIL_TFLM_LIBRARY "" CACHE FILEPATH "libtensorflow-microlite.a, built for the board's core")
set(HIL_TFLM_INCLUDES "" CACHE STRING "Folders of tensorflow/, of flatbuffers/, gemmlowp and ruy")
set(HIL_PRESERVE_TENSORS 0 CACHE STRING "1: no tensor's memory is used again; TENSOR gives all")
foreach(setting HIL_TFLM_LIBRARY HIL_TFLM_INCLUDES)
  if("${${setting}}" STREQUAL "")
    message(FATAL_ERROR "${setting} is missing: see engines/tflm/engine.cmake")
  endif()
endforeach()

enable_language(CXX)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

add_library(hil_kernels STATIC IMPORTED)
set_target_properties(hil_kernels PROPERTIES IMPORTED_LOCATION "${HIL_TFLM_LIBRARY}")

file(GLOB model_sources CONFIGURE_DEPENDS "${model_dir}/*.cc")
file(GLOB engine_sources CONFIGURE_DEPENDS "${engine_dir}/*.cc")
add_library(hil_model STATIC ${model_sources} ${engine_sources})
target_include_directories(hil_model PRIVATE "${engine_dir}" "${model_dir}")
target_include_directories(hil_model SYSTEM PRIVATE ${HIL_TFLM_INCLUDES})
target_compile_options(hil_model PRIVATE
  -O2 -fno-rtti -fno-exceptions -fno-threadsafe-statics -fno-asynchronous-unwind-tables)
foreach(folder ${HIL_TFLM_INCLUDES})
  target_compile_options(hil_model PRIVATE "-ffile-prefix-map=${folder}=tflm")
endforeach()
# The first changes structures: library and firmware must agree.
target_compile_definitions(hil_model PRIVATE
  TF_LITE_STATIC_MEMORY TF_LITE_STRIP_ERROR_STRINGS NDEBUG
  HIL_PRESERVE_TENSORS=${HIL_PRESERVE_TENSORS})
