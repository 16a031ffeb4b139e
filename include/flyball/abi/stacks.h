/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What bpf/stacks.bpf.c tells user space. It is never stored: a recording holds names, not addresses. */
#pragma once
#include "flyball/abi/events.h"

/* The kernel's own bound (kernel.perf_event_max_stack) unless someone changed it. */
#define FB_STACK_FRAMES 127

enum fb_stack_flags {
	FB_STACK_KERNEL_THREAD = 1 << 0, /* it has no user stack */
	FB_STACK_IN_KERNEL = 1 << 1,	 /* it was in the kernel when the clock ticked */
};

/* One tick of the clock on a CPU that was not idle. */
struct fb_stack_sample {
	__u64 cgroup_id; /* of the cpu controller's hierarchy */
	__u64 start_ns;	 /* of the process: with tgid its identity */
	__u64 exec_id;	 /* grows with each exec: its memory is another one then */
	__u32 tid;
	__u32 tgid;
	__u32 cpu;
	__u32 flags;  /* enum fb_stack_flags */
	__s32 user;   /* frames of the user stack, or a negative errno */
	__s32 kernel; /* frames of the kernel stack, or a negative errno */
	char comm[FB_COMM_MAX];
	__u64 addresses[2 * (FB_STACK_FRAMES +
			     1)]; /* user, then kernel; the innermost first. Cut to what there is. */
};
#define FB_STACK_HEADER 64
FB_STATIC_ASSERT(sizeof(struct fb_stack_sample) == FB_STACK_HEADER + 2048, "fb_stack_sample");

/* Per CPU. Ticks of the clock that reached the program = idle + attempted; attempted = delivered + dropped.
 */
struct fb_stack_stats {
	__u64 idle; /* the CPU had nothing to do: no sample */
	__u64 attempted;
	__u64 dropped; /* the ring was full */
	__u64 busy;    /* dropped as well: a sample of this CPU was under way */
};
FB_STATIC_ASSERT(sizeof(struct fb_stack_stats) == 32, "fb_stack_stats");
