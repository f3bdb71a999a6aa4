set(HIL_TOOLCHAIN arm-none-eabi)
set(HIL_CPU_FLAGS -mcpu=cortex-m55 -mthumb -mfloat-abi=hard)
set(HIL_BOARD_SOURCES
    qemu_mps3_an547/port.c common/semihosting_line.c common/cortex_m_startup.c
    common/cortex_m_vectors.c)
set(HIL_BOARD_RAM_BYTES 524288)
set(HIL_BOARD_FLASH_BYTES 524288)
set(HIL_BOARD_RX_BUFFER_BYTES 16384)
set(HIL_BOARD_MAX_FRAME_BYTES 8192)
set(HIL_BOARD_STACK_BYTES 8192)
set(HIL_BOARD_ICOUNT_SHIFT 7)
