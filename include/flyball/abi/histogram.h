/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Log-linear buckets, the same in the kernel and in user space.
 *
 * 32 sub-buckets a power of two: values below 32 have a bucket each (exact), larger ones share
 * a bucket with values at most 1/32 (3.1 %) apart. 64-bit values need 32 + 59 * 32 = 1920
 * buckets. The width of a bucket is a power of two, so its bounds are exact integers.
 */
#pragma once
#include "flyball/abi/events.h"

#define FB_HIST_SUB_BITS 5
#define FB_HIST_SUB	 (1u << FB_HIST_SUB_BITS)
#define FB_HIST_BUCKETS	 (FB_HIST_SUB + (64 - FB_HIST_SUB_BITS) * FB_HIST_SUB)

#ifdef __bpf__
#define FB_HIST_INLINE static __always_inline
#else
#define FB_HIST_INLINE static inline
#endif

/* Position of the highest set bit without a count-leading-zeros instruction (BPF has none). */
FB_HIST_INLINE __u32 fb_hist_log2(__u64 v)
{
	__u32 r = 0;

	if (v >> 32) {
		r += 32;
		v >>= 32;
	}
	if (v >> 16) {
		r += 16;
		v >>= 16;
	}
	if (v >> 8) {
		r += 8;
		v >>= 8;
	}
	if (v >> 4) {
		r += 4;
		v >>= 4;
	}
	if (v >> 2) {
		r += 2;
		v >>= 2;
	}
	if (v >> 1) {
		r += 1;
	}
	return r;
}

FB_HIST_INLINE __u32 fb_hist_bucket(__u64 v)
{
	__u32 exp;

	if (v < FB_HIST_SUB)
		return (__u32)v;
	exp = fb_hist_log2(v);
	/* the SUB_BITS bits below the highest select the sub-bucket */
	return FB_HIST_SUB + (exp - FB_HIST_SUB_BITS) * FB_HIST_SUB +
	       (__u32)((v >> (exp - FB_HIST_SUB_BITS)) & (FB_HIST_SUB - 1));
}

/* Smallest value of a bucket. */
FB_HIST_INLINE __u64 fb_hist_low(__u32 bucket)
{
	__u32 block, sub;

	if (bucket < FB_HIST_SUB)
		return bucket;
	block = (bucket - FB_HIST_SUB) / FB_HIST_SUB;
	sub = (bucket - FB_HIST_SUB) % FB_HIST_SUB;
	return (__u64)(FB_HIST_SUB + sub) << block;
}

/* Largest value of a bucket. */
FB_HIST_INLINE __u64 fb_hist_high(__u32 bucket)
{
	__u32 block;

	if (bucket < FB_HIST_SUB)
		return bucket;
	block = (bucket - FB_HIST_SUB) / FB_HIST_SUB;
	return fb_hist_low(bucket) + (1ULL << block) - 1;
}
