# Debian: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
# For the engine tflm alone: apt-get install libstdc++-arm-none-eabi-newlib
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
# The compiler is tried without a linker script: there is nothing to link against yet.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(HIL_LINK_FLAGS --specs=nano.specs -nostartfiles)
