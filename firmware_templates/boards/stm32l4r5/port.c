/* The port to the STM32L4R5ZI of a NUCLEO-L4R5ZI: LPUART1 on PG7 and PG8 (the ST-Link's
 * port), 120 MHz from the internal oscillator, cycles by the DWT.
 *
 * Written after the reference manual RM0432 and compiled; it has not run on silicon. */
#include <stdbool.h>

#include "cortex_m_dwt.h"
#include "hil_port.h"
#include "hil_port_optional.h"
#include "receive_ring.h"
#include "stm32l4r5.h"

#ifndef HIL_START_BAUD
#error "HIL_START_BAUD must be the rate that the host begins with"
#endif

#define CORE_HZ 120000000u
#define HSI_HZ 16000000u

static uint32_t baud = HIL_START_BAUD;
static bool dwt_counts;

static void lpuart1_received(void) {
  /* A byte that came too fast: the host sees the damage and sends again. */
  LPUART1_ICR = LPUART1_ICR_ORECF;
  if (LPUART1_ISR & LPUART1_ISR_RXNE) ring_put((uint8_t)LPUART1_RDR);
}

/* The system's exceptions and the interrupts up to LPUART1. */
__attribute__((used,
               section(".vectors"))) static const hil_vector kVectors[16 + LPUART1_IRQ + 1] = {
    CORTEX_M_VECTORS, [16 + LPUART1_IRQ] = lpuart1_received};

/* 16 MHz / 2 * 30 / 2, in the boost mode of range 1 that 120 MHz need (RM0432, 5.1.8). */
static void init_clock(void) {
  RCC_CR |= RCC_CR_HSION;
  while (!(RCC_CR & RCC_CR_HSIRDY)) {
  }
  RCC_APB1ENR1 |= RCC_APB1ENR1_PWR;
  (void)RCC_APB1ENR1;
  PWR_CR5 &= ~PWR_CR5_R1MODE;
  RCC_PLLCFGR = 2u | 1u << 4 | 30u << 8 | RCC_PLLCFGR_PLLREN;
  RCC_CR |= RCC_CR_PLLON;
  while (!(RCC_CR & RCC_CR_PLLRDY)) {
  }
  FLASH_ACR = FLASH_ACR_120_MHZ;
  while ((FLASH_ACR & FLASH_ACR_LATENCY_MASK) != (FLASH_ACR_120_MHZ & FLASH_ACR_LATENCY_MASK)) {
  }
  /* From 80 MHz up the switch goes over half the clock for a microsecond (6.2.9). */
  RCC_CFGR = RCC_CFGR_HPRE_DIV_2 | RCC_CFGR_SW_PLL;
  while ((RCC_CFGR & RCC_CFGR_SWS_MASK) != RCC_CFGR_SWS_PLL) {
  }
  for (volatile int i = 0; i < 100; i++) {
  }
  RCC_CFGR = RCC_CFGR_SW_PLL;
}

/* Its clock is the oscillator, 256 counts a bit divided by the rate (RM0432, 51.4.4). */
static uint32_t divider(uint32_t rate) {
  return (uint32_t)(((uint64_t)HSI_HZ * 256u + rate / 2u) / rate);
}

static void init_uart(void) {
  PWR_CR2 |= PWR_CR2_IOSV; /* PG2 to PG15 have a supply of their own */
  RCC_AHB2ENR |= RCC_AHB2ENR_GPIOG;
  RCC_CCIPR = (RCC_CCIPR & ~(3u << 10)) | 2u << 10; /* LPUART1 by the oscillator */
  RCC_APB1ENR2 |= RCC_APB1ENR2_LPUART1;
  (void)RCC_APB1ENR2;
  GPIOG_MODER = (GPIOG_MODER & ~(0xFu << 14)) | 0xAu << 14; /* PG7, PG8: alternate function */
  GPIOG_AFRL = (GPIOG_AFRL & ~(0xFu << 28)) | 8u << 28;     /* number 8: LPUART1 */
  GPIOG_AFRH = (GPIOG_AFRH & ~0xFu) | 8u;
  LPUART1_BRR = divider(baud);
  LPUART1_CR1 = LPUART1_CR1_UE_RE_TE_RXNEIE;
  NVIC_ISER2 = 1u << (LPUART1_IRQ - 64u);
}

void hil_port_init(void) {
  init_clock();
  init_uart();
  dwt_counts = dwt_starts();
}

int hil_port_read(void) { return ring_take(); }

void hil_port_write(const uint8_t *data, size_t size) {
  for (size_t i = 0; i < size; i++) {
    while (!(LPUART1_ISR & LPUART1_ISR_TXE)) {
    }
    LPUART1_TDR = data[i];
  }
}

uint32_t hil_port_ticks(void) { return DWT_CYCCNT; }

uint32_t hil_port_ticks_per_second(void) { return CORE_HZ; }

enum hil_time_basis hil_port_time_basis(void) {
  return dwt_counts ? HIL_TICKS_CPU_CYCLES : HIL_TICKS_NONE;
}

static void wait_until_sent(void) {
  while (!(LPUART1_ISR & LPUART1_ISR_TC)) {
  }
}

void hil_port_exit(int status) {
  (void)status;
  wait_until_sent();
  CORTEX_M_AIRCR = CORTEX_M_AIRCR_RESET;
  for (;;) {
  }
}

uint32_t hil_port_baud(void) { return baud; }

/* The divider must be 768 at least. */
uint32_t hil_port_max_baud(void) { return HSI_HZ / 3u; }

bool hil_port_set_baud(uint32_t rate) {
  if (!hil_port_can_baud(rate)) return false;
  wait_until_sent();
  LPUART1_CR1 = 0; /* the divider can be set while it is off only */
  LPUART1_BRR = divider(rate);
  LPUART1_CR1 = LPUART1_CR1_UE_RE_TE_RXNEIE;
  baud = rate;
  return true;
}
