/* SHA-256 (FIPS 180-4) of data that lies in one piece. */
#ifndef HIL_SHA256_H_
#define HIL_SHA256_H_

#include <stddef.h>
#include <stdint.h>

#define HIL_SHA256_BYTES 32u

void hil_sha256(const uint8_t *data, size_t size, uint8_t digest[HIL_SHA256_BYTES]);

#endif /* HIL_SHA256_H_ */
