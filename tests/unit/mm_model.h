/* SPDX-License-Identifier: Apache-2.0
 *
 * A model check of address spaces: operations chosen by a source of bytes run on the real code and on one plain record
 * a page, and every byte that a program could read is compared. Shared by the unit test and the fuzz target.
 */
#ifndef TESTS_MM_MODEL_H
#define TESTS_MM_MODEL_H

#include <stdbool.h>
#include <stdint.h>

/* The next choice; false when there are no more. */
typedef bool (*model_source)(void *arg, uint32_t *value);

/* Runs until the source ends; aborts with a message at the first difference. memory_bytes of RAM. */
void model_run(model_source source, void *arg, uint64_t memory_bytes);

#endif
