# Debian: apt-get install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv)
set(CMAKE_C_COMPILER riscv64-unknown-elf-gcc)
# For the engine tflm alone; Debian has no C++ library for it.
set(CMAKE_CXX_COMPILER riscv64-unknown-elf-g++)
# The compiler is tried without a linker script: there is nothing to link against yet.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(HIL_COMPILE_FLAGS --specs=picolibc.specs)
set(HIL_LINK_FLAGS --specs=picolibc.specs -nostartfiles)
