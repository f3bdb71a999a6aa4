/* One function for each request of docs/protocol.md, section 3: makes its answer.
 *
 * The dispatcher has checked the body's size. A reply of size 0 is not sent.
 */
#ifndef HIL_REQUESTS_H_
#define HIL_REQUESTS_H_

#include <stdint.h>

#include "hil_reply.h"

struct hil_request {
  uint8_t kind;
  const uint8_t *body; /* may lie in the reply's buffer: read it before hil_reply_begin */
  uint32_t size;
};

/* Forgets what RUN expects and the rate that was asked for. */
void hil_requests_init(void);

/* Call when the answer is out: a new rate begins behind it. */
void hil_requests_finish(void);

void hil_answer_hello(const struct hil_request *request, struct hil_reply *reply);
void hil_answer_load_model(const struct hil_request *request, struct hil_reply *reply);
void hil_answer_chunk(const struct hil_request *request, struct hil_reply *reply);
void hil_answer_commit(const struct hil_request *request, struct hil_reply *reply);
void hil_answer_write_input(const struct hil_request *request, struct hil_reply *reply);
void hil_answer_invoke(const struct hil_request *request, struct hil_reply *reply);
void hil_answer_read_output(const struct hil_request *request, struct hil_reply *reply);
void hil_answer_run(const struct hil_request *request, struct hil_reply *reply);
void hil_answer_profile(const struct hil_request *request, struct hil_reply *reply);
void hil_answer_tensor(const struct hil_request *request, struct hil_reply *reply);
void hil_answer_memory(const struct hil_request *request, struct hil_reply *reply);
void hil_answer_echo(const struct hil_request *request, struct hil_reply *reply);
void hil_answer_baud(const struct hil_request *request, struct hil_reply *reply);
void hil_answer_reset(const struct hil_request *request, struct hil_reply *reply);

#endif /* HIL_REQUESTS_H_ */
