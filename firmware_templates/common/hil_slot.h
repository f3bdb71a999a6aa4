/* The one model of the device: its way in, the staged inputs, and its runs.
 *
 * The functions do what docs/protocol.md, sections 3 and 6.3, say of the messages of the
 * same names, and return why they refuse (code HIL_FINE: they do not).
 */
#ifndef HIL_SLOT_H_
#define HIL_SLOT_H_

#include <stdbool.h>
#include <stdint.h>

#include "hil_engine.h"
#include "hil_reply.h"

/* All that can be said of inputs and outputs together in the smallest HELLO. */
#define HIL_MOST_TENSORS 32u

/* Back to the state at start. */
void hil_slot_forget(void);

struct hil_refusal hil_slot_begin(uint32_t size, const uint8_t *sha256, uint32_t *next_offset);
struct hil_refusal hil_slot_write(uint32_t offset, const uint8_t *data, uint32_t size,
                                  uint32_t *next_offset);
struct hil_refusal hil_slot_commit(void);

bool hil_slot_is_loaded(void);

/* Of the model that is loaded, 32 bytes; NULL where none is. */
const uint8_t *hil_slot_sha256(void);

/* Bytes of all inputs and of all outputs; 0 where no model is loaded. */
uint32_t hil_slot_input_bytes(void);
uint32_t hil_slot_output_bytes(void);

struct hil_refusal hil_slot_stage(uint32_t tensor, uint32_t offset, const uint8_t *data,
                                  uint32_t size);

/* The same with the inputs one behind the other; it must lie within them. */
void hil_slot_stage_piece(uint32_t offset, const uint8_t *data, uint32_t size);

/* Runs once on the staged inputs. The ticks are those of the engine alone. */
struct hil_refusal hil_slot_run(uint32_t *ticks);

/* The same, and takes the ticks of each operator. */
struct hil_refusal hil_slot_profile(void);
bool hil_slot_has_profile(void);
uint32_t hil_slot_profile_ticks(uint32_t op_index);

/* Appends a piece of one output, or of all of them one behind the other. Before the
 * first run they are zero. */
struct hil_refusal hil_slot_put_output(struct hil_reply *reply, uint32_t tensor, uint32_t offset,
                                       uint32_t size);
void hil_slot_put_outputs(struct hil_reply *reply, uint32_t offset, uint32_t size);

/* A tensor of the model for the staged inputs; runs where they are newer than the last
 * run. */
struct hil_refusal hil_slot_tensor(uint32_t index, struct hil_bytes *tensor);

#endif /* HIL_SLOT_H_ */
