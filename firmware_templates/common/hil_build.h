/* What the build must give, checked in one place. All sizes are in bytes. */
#ifndef HIL_BUILD_H_
#define HIL_BUILD_H_

#ifndef HIL_BOARD_NAME
#error "HIL_BOARD_NAME is missing: the board's name, a string"
#endif
#ifndef HIL_BUILD_ID
#error "HIL_BUILD_ID is missing: what identifies this binary, a string"
#endif
#ifndef HIL_ARENA_BYTES
#error "HIL_ARENA_BYTES is missing: the memory that the engine may take"
#endif
#ifndef HIL_STAGING_BYTES
#error "HIL_STAGING_BYTES is missing: room for all inputs of the model"
#endif
#ifndef HIL_MODEL_SLOT_BYTES
#error "HIL_MODEL_SLOT_BYTES is missing: room for a model that the host sends, or 0"
#endif
#ifndef HIL_RX_BUFFER_BYTES
#error "HIL_RX_BUFFER_BYTES is missing: what the port takes in while the core computes"
#endif
#ifndef HIL_MAX_FRAME_BYTES
#error "HIL_MAX_FRAME_BYTES is missing: the longest frame on the wire"
#endif
#ifndef HIL_RAM_BYTES
#error "HIL_RAM_BYTES is missing: all RAM of the board"
#endif
#ifndef HIL_FLASH_BYTES
#error "HIL_FLASH_BYTES is missing: all flash of the board"
#endif

/* Operators that PROFILE can tell apart: 4 bytes of RAM each. A build may give more. */
#ifndef HIL_PROFILE_ENTRIES
#define HIL_PROFILE_ENTRIES 128
#endif

_Static_assert(HIL_MAX_FRAME_BYTES >= 256, "docs/protocol.md: a frame has 256 bytes or more");
_Static_assert(HIL_MAX_FRAME_BYTES <= HIL_RX_BUFFER_BYTES, "a frame must fit what is received");
_Static_assert(HIL_MAX_FRAME_BYTES <= 65536, "the guard of a frame in place is made for this");
_Static_assert(HIL_ARENA_BYTES > 0 && HIL_STAGING_BYTES > 0, "a model needs memory");

#endif /* HIL_BUILD_H_ */
