/* The firmware: what start-up code calls when memory is set up. */
#ifndef HIL_MAIN_H_
#define HIL_MAIN_H_

#include "hil_port.h"

HIL_NORETURN void hil_main(void);

#endif /* HIL_MAIN_H_ */
