/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What user space tells the BPF programs before they load (read-only data of the object). */
#pragma once
#include "flyball/abi/events.h"

enum fb_config_flags {
	FB_C_UNIFIED_CPU = 1 << 0, /* the cpu controller lives on cgroup v2 */
	FB_C_UNIFIED_MEMORY = 1 << 1,
	FB_C_UNIFIED_IO = 1 << 2,
	FB_C_UNIFIED_PIDS = 1 << 3,
	FB_C_THROTTLE_BY_SWITCH = 1 << 4, /* no fentry: throttle episodes come from sched_switch */
	FB_C_MEMSTALL_BY_SWITCH = 1 << 5,
	FB_C_NO_PREEMPT = 1 << 6,  /* the kernel has what bpf/preempt.bpf.h needs */
	FB_C_RDONLY_CAST = 1 << 7, /* and what bpf/plain.bpf.h needs */
};

struct fb_config {
	__u32 abi;
	__u32 flags;	 /* enum fb_config_flags */
	__u32 nr_cpus;	 /* possible CPUs: how many batches and rings there are */
	__u32 self_tgid; /* flyball itself */
	__u32 page_shift;
	__u32 pad;
	__u64 wakeup_bytes; /* a ring with more than this in it wakes the reader */
};
FB_STATIC_ASSERT(sizeof(struct fb_config) == 32, "fb_config");
