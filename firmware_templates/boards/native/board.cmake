set(HIL_TOOLCHAIN host)
set(HIL_BOARD_SOURCES native/port.c native/startup.c)
# The process has no such limits; the figures make it a board of middling size.
set(HIL_BOARD_RAM_BYTES 4194304)
set(HIL_BOARD_FLASH_BYTES 4194304)
set(HIL_BOARD_RX_BUFFER_BYTES 16384)
set(HIL_BOARD_MAX_FRAME_BYTES 8192)
set(HIL_BOARD_START_BAUD 115200)
