// Base64 (RFC 4648, section 4; padded, no line breaks), sixteen characters at a time.
#ifndef EFN_BASE64_H
#define EFN_BASE64_H

#include <stddef.h>
#include <stdint.h>

// Characters of `n` bytes; bytes of `n` characters, a multiple of four, of which the last may be padding.
size_t efn_base64_encoded(size_t n);
size_t efn_base64_decoded(const uint8_t *text, size_t n);

// data [n] to text [efn_base64_encoded(n)].
void efn_base64_encode(const uint8_t *data, size_t n, uint8_t *text);
// text [n] to data [efn_base64_decoded(text, n)]. Returns 0 when a character is none of base64's.
int efn_base64_decode(const uint8_t *text, size_t n, uint8_t *data);

#endif
