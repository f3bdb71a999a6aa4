/* Registers that every Cortex-M of the families here has (Armv7-M manual, B3), and the
 * vector table's first part. For ports and the startup only. */
#ifndef HIL_BOARDS_CORTEX_M_H_
#define HIL_BOARDS_CORTEX_M_H_

#include <stdint.h>

#define HIL_REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define CORTEX_M_AIRCR HIL_REGISTER(0xE000ED0C)
#define CORTEX_M_AIRCR_RESET 0x05FA0004u /* key, SYSRESETREQ */
#define CORTEX_M_CCR HIL_REGISTER(0xE000ED14)
#define CORTEX_M_CCR_DIV_0_TRP (1u << 4)
#define CORTEX_M_CFSR HIL_REGISTER(0xE000ED28)
#define CORTEX_M_CFSR_MMARVALID (1u << 7)
#define CORTEX_M_CFSR_BFARVALID (1u << 15)
#define CORTEX_M_HFSR HIL_REGISTER(0xE000ED2C)
#define CORTEX_M_MMFAR HIL_REGISTER(0xE000ED34)
#define CORTEX_M_BFAR HIL_REGISTER(0xE000ED38)

/* The memory protection unit (B3.5). */
#define CORTEX_M_MPU_CTRL HIL_REGISTER(0xE000ED94)
#define CORTEX_M_MPU_RBAR HIL_REGISTER(0xE000ED9C)
#define CORTEX_M_MPU_RASR HIL_REGISTER(0xE000EDA0)
#define CORTEX_M_MPU_ENABLE 5u /* on; what no region names stays as it is */

/* Tells a fault; for the vector table of a board that has interrupts of its own. */
void hil_cortex_m_fault_entry(void);
void hil_cortex_m_reset(void);
extern uint8_t hil_stack_top[];

typedef void (*hil_vector)(void);

/* The first 16 entries; a board adds its interrupts behind them. */
#define CORTEX_M_VECTORS                                                                   \
  (hil_vector)(uintptr_t)hil_stack_top, hil_cortex_m_reset, hil_cortex_m_fault_entry,      \
      hil_cortex_m_fault_entry, hil_cortex_m_fault_entry, hil_cortex_m_fault_entry,        \
      hil_cortex_m_fault_entry, hil_cortex_m_fault_entry, hil_cortex_m_fault_entry,        \
      hil_cortex_m_fault_entry, hil_cortex_m_fault_entry, hil_cortex_m_fault_entry,        \
      hil_cortex_m_fault_entry, hil_cortex_m_fault_entry, hil_cortex_m_fault_entry,        \
      hil_cortex_m_fault_entry

#endif /* HIL_BOARDS_CORTEX_M_H_ */
