// Writes zeros over the heap's free memory, so that a snapshot of the linear memory does not carry what was freed.
#ifndef EFN_SCRUB_H
#define EFN_SCRUB_H

void efn_scrub(void);

#endif
