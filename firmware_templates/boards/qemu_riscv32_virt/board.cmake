set(HIL_TOOLCHAIN riscv64-unknown-elf)
set(HIL_CPU_FLAGS -march=rv32imafc -mabi=ilp32f)
set(HIL_BOARD_SOURCES
    qemu_riscv32_virt/port.c qemu_riscv32_virt/startup.c common/semihosting_line.c)
set(HIL_BOARD_RAM_BYTES 4194304)
set(HIL_BOARD_FLASH_BYTES 4194304)
set(HIL_BOARD_RX_BUFFER_BYTES 16384)
set(HIL_BOARD_MAX_FRAME_BYTES 8192)
set(HIL_BOARD_STACK_BYTES 8192)
# The port reads minstret, which QEMU shows as it is at this shift only.
set(HIL_BOARD_ICOUNT_SHIFT 0)
