/* The end of a firmware that cannot go on: one ERROR frame, then hil_port_exit. */
#ifndef HIL_FAULT_H_
#define HIL_FAULT_H_

#include <stddef.h>
#include <stdint.h>

#include "hil_port.h"

/* The exit status of an emulator whose firmware faulted. */
#define HIL_FAULT_STATUS 70

/* Answers the request at hand with the error `internal`, whose text is `what` and the
 * registers in hexadecimal, as many as fit. May be called from a fault handler, on
 * whatever stack is left: it needs about 200 bytes. Called a second time it only exits. */
HIL_NORETURN void hil_fault(const char *what, const uint32_t *registers, size_t count);

/* Which request an ERROR of hil_fault answers; told by the dispatcher. */
void hil_fault_answers(uint16_t sequence);

#endif /* HIL_FAULT_H_ */
