/* The port to STM32F405, F407 and F446: USART2 on PA2 and PA3 (the ST-Link's port on a
 * NUCLEO-F446RE, pins of the header on a STM32F4DISCOVERY), 168 MHz from the internal
 * oscillator, cycles by the DWT.
 *
 * On QEMU's netduinoplus2 the clock tree and the DWT are dead. Both are found out, as
 * they would be on a board: the core then stays at 16 MHz, and TIM2 counts. */
#include <stdbool.h>

#include "cortex_m_dwt.h"
#include "hil_port.h"
#include "hil_port_optional.h"
#include "receive_ring.h"
#include "stm32f4.h"

#ifdef HIL_ICOUNT_SHIFT
#include "semihosting.h"
#endif

#ifndef HIL_START_BAUD
#error "HIL_START_BAUD must be the rate that the host begins with"
#endif

#define HSI_HZ 16000000u
#define PLL_HZ 168000000u
/* A PLL locks within 300 us; this is longer at any clock. */
#define PLL_PATIENCE 100000u

static uint32_t usart_clock_hz, timer_hz, core_hz;
static bool dwt_counts;

/* A byte that came too fast is lost, and the host sends again. The status is read first:
 * only then does reading the data end an overrun, which else would interrupt for ever. */
static void usart2_received(void) {
  bool has_byte = USART2_SR & USART2_SR_RXNE;
  uint8_t byte = (uint8_t)USART2_DR;
  if (has_byte) ring_put(byte);
}

/* The system's exceptions and the interrupts up to USART2. */
__attribute__((used, section(".vectors"))) static const hil_vector kVectors[16 + USART2_IRQ + 1] = {
    CORTEX_M_VECTORS, [16 + USART2_IRQ] = usart2_received};

/* 16 MHz / 16 * 336 / 2; the last field is for USB and must be 2 at least. */
static void init_clock(void) {
  core_hz = usart_clock_hz = timer_hz = HSI_HZ;
  RCC_PLLCFGR = 16u | 336u << 6 | 0u << 16 | 7u << 24;
  RCC_CR |= RCC_CR_PLLON;
  for (uint32_t i = 0; !(RCC_CR & RCC_CR_PLLRDY); i++) {
    if (i == PLL_PATIENCE) return;
  }
  FLASH_ACR = FLASH_ACR_168_MHZ;
  RCC_CFGR = RCC_CFGR_SW_PLL | RCC_CFGR_APB1_DIV_4 | RCC_CFGR_APB2_DIV_2;
  while ((RCC_CFGR & RCC_CFGR_SWS_MASK) != RCC_CFGR_SWS_PLL) {
  }
  core_hz = PLL_HZ;
  usart_clock_hz = PLL_HZ / 4u;
  timer_hz = PLL_HZ / 2u; /* twice the bus clock where that is divided */
}

static void init_usart(void) {
  RCC_AHB1ENR |= RCC_AHB1ENR_GPIOA;
  RCC_APB1ENR |= RCC_APB1ENR_USART2;
  (void)RCC_APB1ENR; /* a peripheral answers two cycles after its clock is on */
  GPIOA_MODER = (GPIOA_MODER & ~(0xFu << 4)) | 0xAu << 4; /* PA2, PA3: alternate function */
  GPIOA_OSPEEDR |= 0xAu << 4;
  GPIOA_AFRL = (GPIOA_AFRL & ~(0xFFu << 8)) | 0x77u << 8; /* number 7: USART2 */
  USART2_BRR = (usart_clock_hz + HIL_START_BAUD / 2u) / HIL_START_BAUD;
  USART2_CR1 = USART2_CR1_RE_TE_RXNEIE_UE;
  NVIC_ISER1 = 1u << (USART2_IRQ - 32u);
}

static void init_counter(void) {
  dwt_counts = dwt_starts();
  if (dwt_counts) return;
  RCC_APB1ENR |= RCC_APB1ENR_TIM2;
  (void)RCC_APB1ENR;
  TIM2_ARR = UINT32_MAX;
#ifdef HIL_ICOUNT_SHIFT
  TIM2_PSC = (1u << HIL_ICOUNT_SHIFT) - 1u; /* not a shift when it is read: that wraps sooner */
#endif
  TIM2_EGR = 1;
  TIM2_CR1 = 1;
}

void hil_port_init(void) {
  init_clock();
  init_usart();
  init_counter();
#ifdef HIL_ICOUNT_SHIFT
  __asm__ volatile("cpsid i"); /* see hil_port_idle */
#endif
}

int hil_port_read(void) { return ring_take(); }

void hil_port_write(const uint8_t *data, size_t size) {
  for (size_t i = 0; i < size; i++) {
    while (!(USART2_SR & USART2_SR_TXE)) {
    }
    USART2_DR = data[i];
  }
}

#ifdef HIL_ICOUNT_SHIFT

/* QEMU's main loop can deliver a byte only while the core sleeps. Interrupts are let in
 * here alone: one during a run of the model would be counted with it, and what comes
 * meanwhile waits in QEMU. A pending one ends the sleep. */
void hil_port_idle(void) { __asm__ volatile("wfi \n cpsie i \n isb \n cpsid i" ::: "memory"); }

/* QEMU's TIM2 has 1 GHz of virtual time, and 2^shift ns are an instruction. */
uint32_t hil_port_ticks(void) { return TIM2_CNT; }

uint32_t hil_port_ticks_per_second(void) { return 0; }

enum hil_time_basis hil_port_time_basis(void) { return HIL_TICKS_EMULATED_INSTRUCTIONS; }

void hil_port_exit(int status) {
  semihosting_exit(status);
  for (;;) {
  }
}

#else

static uint32_t baud = HIL_START_BAUD;

uint32_t hil_port_ticks(void) { return dwt_counts ? DWT_CYCCNT : TIM2_CNT; }

uint32_t hil_port_ticks_per_second(void) { return dwt_counts ? core_hz : timer_hz; }

enum hil_time_basis hil_port_time_basis(void) {
  return dwt_counts ? HIL_TICKS_CPU_CYCLES : HIL_TICKS_DEVICE_CLOCK;
}

/* The host sees a board that says hello anew. */
void hil_port_exit(int status) {
  (void)status;
  while (!(USART2_SR & USART2_SR_TC)) {
  }
  CORTEX_M_AIRCR = CORTEX_M_AIRCR_RESET;
  for (;;) {
  }
}

uint32_t hil_port_baud(void) { return baud; }

/* With 16 samples a bit. */
uint32_t hil_port_max_baud(void) { return usart_clock_hz / 16u; }

bool hil_port_set_baud(uint32_t rate) {
  if (!hil_port_can_baud(rate)) return false;
  while (!(USART2_SR & USART2_SR_TC)) {
  }
  USART2_BRR = (usart_clock_hz + rate / 2u) / rate;
  baud = rate;
  return true;
}

#endif
