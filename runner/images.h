/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel image and the initramfs inside this executable, page-aligned (images.S).
 */
#ifndef RUNNER_IMAGES_H
#define RUNNER_IMAGES_H

#include <stdint.h>

extern const uint8_t image_kernel[], image_kernel_end[];
extern const uint8_t image_initramfs[], image_initramfs_end[];

#endif
