/* The registers of the STM32F405/407/446 that the port uses (reference manuals RM0090
 * and RM0390; the two agree in all of them). */
#ifndef HIL_BOARDS_STM32F4_H_
#define HIL_BOARDS_STM32F4_H_

#include "cortex_m.h"

#define RCC_CR HIL_REGISTER(0x40023800)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_PLLCFGR HIL_REGISTER(0x40023804)
#define RCC_CFGR HIL_REGISTER(0x40023808)
#define RCC_CFGR_SW_PLL 2u
#define RCC_CFGR_SWS_PLL (2u << 2)
#define RCC_CFGR_SWS_MASK (3u << 2)
#define RCC_CFGR_APB1_DIV_4 (5u << 10)
#define RCC_CFGR_APB2_DIV_2 (4u << 13)
#define RCC_AHB1ENR HIL_REGISTER(0x40023830)
#define RCC_AHB1ENR_GPIOA (1u << 0)
#define RCC_APB1ENR HIL_REGISTER(0x40023840)
#define RCC_APB1ENR_TIM2 (1u << 0)
#define RCC_APB1ENR_USART2 (1u << 17)

#define FLASH_ACR HIL_REGISTER(0x40023C00)
/* Prefetch, instruction and data cache on; 5 wait states, for 168 MHz at 2.7 V or more. */
#define FLASH_ACR_168_MHZ (7u << 8 | 5u)

#define GPIOA_MODER HIL_REGISTER(0x40020000)
#define GPIOA_OSPEEDR HIL_REGISTER(0x40020008)
#define GPIOA_AFRL HIL_REGISTER(0x40020020)

#define USART2_SR HIL_REGISTER(0x40004400)
#define USART2_SR_ORE (1u << 3)
#define USART2_SR_RXNE (1u << 5)
#define USART2_SR_TC (1u << 6)
#define USART2_SR_TXE (1u << 7)
#define USART2_DR HIL_REGISTER(0x40004404)
#define USART2_BRR HIL_REGISTER(0x40004408)
#define USART2_CR1 HIL_REGISTER(0x4000440C)
#define USART2_CR1_RE_TE_RXNEIE_UE (1u << 2 | 1u << 3 | 1u << 5 | 1u << 13)
#define USART2_IRQ 38u

#define TIM2_CR1 HIL_REGISTER(0x40000000)
#define TIM2_EGR HIL_REGISTER(0x40000014)
#define TIM2_CNT HIL_REGISTER(0x40000024)
#define TIM2_PSC HIL_REGISTER(0x40000028)
#define TIM2_ARR HIL_REGISTER(0x4000002C)

#define NVIC_ISER1 HIL_REGISTER(0xE000E104)

#endif /* HIL_BOARDS_STM32F4_H_ */
