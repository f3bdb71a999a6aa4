/* The vector table of a board without interrupts. */
#include "cortex_m.h"

__attribute__((used, section(".vectors"))) static const hil_vector kVectors[] = {
    CORTEX_M_VECTORS};
